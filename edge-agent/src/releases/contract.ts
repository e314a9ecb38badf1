/** Whether what this device records is what a release was made for: its `contract.yaml` against the device's recording. */
import { ExamplesError, type FeatureField, type TargetField } from '@starling/engine/examples';
import { parse } from 'yaml';
import { AgentError } from '../errors.js';
import { type Recording, readRecording } from '../examples/recording.js';

/** File of a release: the same YAML that `ingestion` reads, of which `features` and `target` are needed. */
export const contractFile = 'contract.yaml';
/** Longest contract that is read. */
export const contractBytesMax = 1 << 20;

/**
 * What keeps a release from being served here, a sentence that begins with `RELEASE_CONTRACT_UNMET` or
 * `RELEASE_CONTRACT_INVALID`; undefined where nothing does. A device that records nothing of the task has nothing to compare.
 *
 * @param bytes of `contract.yaml`, whose hash was checked
 */
export function contractFault(
  task: string,
  bytes: Uint8Array,
  recorded: Recording | undefined,
): string | undefined {
  if (bytes.byteLength > contractBytesMax) {
    return `RELEASE_CONTRACT_INVALID: Its contract has ${bytes.byteLength} bytes; ${contractBytesMax} are read.`;
  }
  let wanted: Recording;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Aliases make a small file a large one.
    wanted = readRecording(task, parse(text, { maxAliasCount: 16 }), contractFile);
  } catch (error) {
    const why =
      error instanceof AgentError || error instanceof ExamplesError ? error.message : 'it is no YAML';
    return `RELEASE_CONTRACT_INVALID: Its contract cannot be read: ${why}`;
  }
  if (recorded === undefined) return undefined;
  const problem = difference(wanted, recorded);
  return problem && `RELEASE_CONTRACT_UNMET: This device records ${task} otherwise: ${problem}.`;
}

function difference(wanted: Recording, recorded: Recording): string | undefined {
  const [ours, theirs] = [recorded.contract, wanted.contract];
  // The model takes them joined in this order.
  for (const [index, field] of theirs.features.entries()) {
    const own = ours.features[index];
    if (own === undefined) return `the feature ${field.name} is missing`;
    if (own.name !== field.name) {
      return `feature ${index + 1} is ${own.name}, and ${field.name} in the release's contract`;
    }
    const problem = featureDifference(field, own);
    if (problem !== undefined) return `the feature ${field.name} has ${problem}`;
  }
  const further = ours.features[theirs.features.length];
  if (further !== undefined) return `the feature ${further.name} is not in the release's contract`;
  const target = targetDifference(theirs.target, ours.target);
  if (target !== undefined) return `the target has ${target}`;
  const { window } = wanted;
  if (window === undefined) return undefined;
  if (recorded.window === undefined) return "it makes no windows, and the release's contract does";
  const hertz = (periodMs: number): number => Number((1000 / periodMs).toPrecision(6));
  if (window.size !== recorded.window.size || window.periodMs !== recorded.window.periodMs) {
    return `its windows are of ${recorded.window.size} samples at ${hertz(recorded.window.periodMs)} Hz, and of ${window.size} at ${hertz(window.periodMs)} Hz in the release's contract`;
  }
  return undefined;
}

const inContract = (what: string): string => `${what} in the release's contract`;

function featureDifference(wanted: FeatureField, own: FeatureField): string | undefined {
  const list = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
  if (list(wanted.shape) !== list(own.shape)) {
    return `the shape ${list(own.shape)}, and ${inContract(list(wanted.shape))}`;
  }
  for (const key of ['dataType', 'scale', 'offset'] as const) {
    if (wanted[key] !== own[key]) return `the ${key} ${own[key]}, and ${inContract(`${wanted[key]}`)}`;
  }
  if (wanted.unit !== undefined && own.unit !== undefined && wanted.unit !== own.unit) {
    return `the unit ${own.unit}, and ${inContract(wanted.unit)}`;
  }
  // Narrower is harmless: what is beyond it is put into quarantine.
  if (own.range[0] < wanted.range[0] || own.range[1] > wanted.range[1]) {
    return `the range ${list(own.range)}, which is beyond ${inContract(list(wanted.range))}`;
  }
  return undefined;
}

function targetDifference(wanted: TargetField, own: TargetField): string | undefined {
  if (wanted.name !== own.name) return `the name ${own.name}, and ${inContract(wanted.name)}`;
  if (wanted.kind !== own.kind) return `the kind ${own.kind}, and ${inContract(wanted.kind)}`;
  if (wanted.kind === 'class' && own.kind === 'class' && wanted.classes !== own.classes) {
    return `${own.classes} classes, and ${inContract(`${wanted.classes}`)}`;
  }
  if (wanted.kind === 'number' && own.kind === 'number' && wanted.shape.join() !== own.shape.join()) {
    return `the shape [${own.shape.join(', ')}], and ${inContract(`[${wanted.shape.join(', ')}]`)}`;
  }
  return undefined;
}
