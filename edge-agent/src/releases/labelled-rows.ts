/** The newest examples that this device knows the class of, as a model sees them. */
import { featureElements } from '@starling/engine/examples';
import { sourceOfStored } from '../examples/packing.js';
import type { Recording } from '../examples/recording.js';
import type { ExampleStore } from '../examples/store.js';
import type { LabelledRows } from './trial/try-release.js';

const rowsMax = 256;

/** Undefined where there are none, or where they have no classes. */
export function labelledRows(
  store: Pick<ExampleStore, 'newest'>,
  { task, contract }: Recording,
): LabelledRows | undefined {
  if (contract.target.kind !== 'class') return undefined;
  const stored = store.newest(task, rowsMax);
  const rows = stored.length;
  if (rows === 0) return undefined;
  const source = sourceOfStored(contract, stored, `the recorded examples of ${task}`);
  const all = Uint32Array.from({ length: rows }, (_, index) => index);
  const features = new Float32Array(rows * featureElements(contract));
  const classes = new Int32Array(rows);
  source.readFeatures(all, features);
  source.readTargets(all, classes);
  return { rows, features, classes, classCount: contract.target.classes };
}
