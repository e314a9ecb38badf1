/** `--padding-row NAME=ROW`, as often as there are embeddings with padding. */
import { UsageError } from './explain.js';

/** @throws UsageError for what is not a name, an equals sign and a row */
export function paddingRowsOf(values: readonly string[] = []): Readonly<Record<string, number>> {
  return Object.fromEntries(
    values.map((value) => {
      const [, name, row] = /^(.+)=(\d{1,9})$/.exec(value) ?? [];
      if (name === undefined) {
        throw new UsageError(
          `--padding-row ${value} is no weight with a row.`,
          'Write the name of the embedding and its row, such as --padding-row embedding.weight=0.',
        );
      }
      return [name, Number(row)];
    }),
  );
}
