import type { Quality, QuantizeReport } from '@starling/engine';
import { formatBytes, formatTable } from './format.js';

/** The report for people: before and after side by side, then each layer, then what to do. */
export function describeQuantized(path: string, report: QuantizeReport): string {
  const { before, after, sizeRatio, qualityDrop, sparsity, layers, recommended, reason } = report;
  const rows = [
    ['size', formatBytes(before.bytes), formatBytes(after.bytes), `${sizeRatio.toFixed(2)} times smaller`],
    ['compressed', formatBytes(before.compressedBytes), formatBytes(after.compressedBytes), 'as a gzip file'],
    [
      before.quality.metric,
      formatQuality(before.quality),
      formatQuality(after.quality),
      `${changeOf(before.quality, qualityDrop)}, ${before.quality.examples} examples`,
    ],
    ...before.latency.map(({ batch, measuredMs, predictedMs }, index) => {
      const other = after.latency[index];
      const expected = [predictedMs, other.predictedMs].map((ms) => (ms === null ? 'unknown' : formatMs(ms)));
      return [
        `latency, batch ${batch}`,
        formatMs(measuredMs),
        formatMs(other.measuredMs),
        `${(measuredMs / other.measuredMs).toFixed(2)} times faster; predicted ${expected.join(' and ')}`,
      ];
    }),
  ];
  const layerRows = layers.map(({ layer, opType, weights, precision, sqnr }) => [
    layer,
    opType,
    `${weights}`,
    precision,
    sqnr >= 150 ? 'exact' : `${sqnr.toFixed(1)} dB`,
  ]);
  const zeros = sparsity.zeros / sparsity.weights;
  return [
    formatTable(['', 'F32', report.method.toUpperCase(), ''], rows),
    '',
    formatTable(['LAYER', 'OPERATOR', 'WEIGHTS', 'AS', 'SIGNAL OVER ERROR'], layerRows),
    '',
    ...(zeros > 0.01
      ? [
          `${(100 * zeros).toFixed(1)} % of the weights are zero; runtimes compute them all the same, only compressed files shrink.`,
        ]
      : []),
    recommended ? `Recommended: ${reason}.` : `Not recommended: ${reason}.`,
    `${path} is written.`,
  ].join('\n');
}

function formatQuality({ metric, value }: Quality): string {
  return metric === 'accuracy' ? `${(100 * value).toFixed(2)} %` : value.toPrecision(4);
}

function changeOf({ metric }: Quality, drop: number): string {
  const amount =
    metric === 'accuracy' ? `${(100 * Math.abs(drop)).toFixed(2)} points` : Math.abs(drop).toPrecision(3);
  return drop === 0 ? 'the same' : `${amount} ${drop > 0 ? 'worse' : 'better'}`;
}

const formatMs = (ms: number): string => `${Number(ms.toPrecision(3))} ms`;
