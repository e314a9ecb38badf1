import { type Digits, imagePixels } from '@starling/engine';
import type { EncodingReport } from '@starling/proto';
import Table from 'cli-table3';
import { formatBytes, formatDuration, formatEpsilon, formatMetric } from '../commands/format.js';
import type { RunProgress } from '../commands/run-progress.js';
import type { Classification } from './classify.js';
import { drawImages } from './draw.js';
import type { DemoOptions } from './options.js';

/** What `--json` prints, as its last line. */
export interface DemoResult {
  /** Number of committed rounds. */
  readonly rounds: number;
  /** Of the exported model on the 10,000 test images. */
  readonly testAccuracy: number;
  /** Of the last checkpoint, as the coordinator measured it. */
  readonly testLoss: number | null;
  /** From the command's start until the model was exported and tested. */
  readonly seconds: number;
  /** From the run's start until its end. */
  readonly trainingSeconds: number;
  /** Update payloads. */
  readonly bytesUploaded: number;
  /** Plans and checkpoints. */
  readonly bytesDownloaded: number;
  readonly agents: number;
  readonly iid: boolean;
  readonly seed: number;
  readonly strategy: string;
  readonly encoding: string;
  readonly secureAggregation: boolean;
  /** What encoding took away in the last round; `null` without secure aggregation, and under noise. */
  readonly encodingReport: EncodingReport | null;
  readonly parameters: number;
  /** First round whose checkpoint reached the accuracy; `null` where none did. */
  readonly roundsTo: Readonly<Record<string, number | null>>;
  readonly attemptsAbandoned: number;
  /** What the task spent of its privacy budget; `null` where it promised nothing. */
  readonly privacy: { readonly epsilon: number; readonly budget: number; readonly delta: number } | null;
  /** Test accuracy after each round. */
  readonly accuracyByRound: readonly number[];
  /** SHA-256 of the exported ONNX file. */
  readonly modelSha256: string;
  /** Where everything was kept; `null` where it was thrown away. */
  readonly folder: string | null;
}

export function accuracies(
  progress: RunProgress,
): readonly { readonly round: number; readonly value: number }[] {
  return progress.measured.filter(({ name, source }) => name === 'accuracy' && source === 'central');
}

export function roundsTo(progress: RunProgress, targets: readonly number[]): Record<string, number | null> {
  const measured = accuracies(progress);
  return Object.fromEntries(
    targets.map((target) => [`${target}`, measured.find(({ value }) => value >= target)?.round ?? null]),
  );
}

export function resultTable(result: DemoResult, options: DemoOptions): string {
  const table = new Table({ style: { head: [], border: [] } });
  const reached = Object.entries(result.roundsTo).map(
    ([accuracy, round]) => `${accuracy}: ${round ?? 'not reached'}`,
  );
  table.push(
    [
      'Agents',
      `${result.agents}, each a process, ${options.iid ? 'all digits each' : 'two shards of digits each'}`,
    ],
    ['Model', `${result.privacy ? 'Softmax regression' : '2NN'}, ${result.parameters} parameters`],
    ['Strategy, encoding', `${result.strategy}, ${result.encoding}`],
    ['Rounds', `${result.rounds}`],
    ['Rounds to accuracy', reached.join(', ')],
    ['Test accuracy', `${formatMetric(result.testAccuracy)} on 10,000 images`],
    ...(result.privacy ? [['Privacy of each agent', privacyRow(result.privacy)]] : []),
    ['Uploaded by agents', formatBytes(result.bytesUploaded)],
    ['Sent to agents', formatBytes(result.bytesDownloaded)],
    ['Training', formatDuration(result.trainingSeconds * 1000)],
    ['Everything', formatDuration(result.seconds * 1000)],
  );
  return table.toString();
}

function privacyRow({ epsilon, budget, delta }: NonNullable<DemoResult['privacy']>): string {
  return `ε = ${formatEpsilon(epsilon)} of ${budget} spent, δ = ${delta}`;
}

/** A few test images, what the model says each shows, and how sure it is. */
export function classificationPicture(
  digits: Digits,
  { predictions, confidences }: Classification,
  indices: readonly number[],
  style: 'colour' | 'shades' | 'ascii',
): string {
  const images = indices.map((index) =>
    digits.images.subarray(index * imagePixels, (index + 1) * imagePixels),
  );
  const captions = indices.map((index) => {
    const percent = (100 * confidences[index]).toFixed(1);
    const verdict = predictions[index] === digits.labels[index] ? 'right' : `it is a ${digits.labels[index]}`;
    return `${predictions[index]} (${percent} %), ${verdict}`.padEnd(28);
  });
  return [...drawImages(images, 28, style), captions.join('  ').trimEnd()].join('\n');
}
