import { formatQuery, type Statistic, vectorOf } from '../analytics/index.js';
import { hexOfFloats } from './text.js';

const values = [-7, -2, -2, 0, 3, 3, 3, 5, 9, 12];

/** A device's vector for each kind of question over the same values. */
export function questionVectors(): object {
  const range = { minimum: -2, maximum: 10 };
  const statistics: readonly Statistic[] = [
    { kind: 'count' },
    { kind: 'mean', ...range },
    { kind: 'variance', minimum: -2.5, maximum: 7 },
    { kind: 'histogram', ...range, bins: 5 },
    { kind: 'quantiles', minimum: -7, maximum: 12, quantiles: [0.25, 0.5], bins: 4 },
    { kind: 'heavy-hitters', top: 3, share: 0.2 },
  ];
  return {
    describes: 'questions and their vectors: docs/protocol.md, "Questions"; floats are little-endian f32',
    values,
    questions: statistics.map((statistic) => {
      const query = { column: 'reading.2', statistic, valuesMax: 16 };
      const vector = vectorOf(query, values);
      const cells = [...vector.entries()].filter(([, count]) => count !== 0);
      return {
        statistic,
        question: formatQuery(query),
        length: vector.length,
        // Of a sketch few cells are not 0.
        ...(vector.length > 100 ? { cells } : { vector: hexOfFloats(vector) }),
      };
    }),
  };
}
