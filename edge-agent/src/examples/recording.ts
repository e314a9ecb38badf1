/**
 * A recording: the feature contract of a task's examples, and how this device comes by them. It is YAML; `features` and
 * `target` are those of the task, with their shapes as the model sees them.
 */
import type { ExampleDataType, FeatureContract, FeatureField } from '@starling/engine/examples';
import { contractLimits, elementCount, readContract } from '@starling/engine/examples';
import * as z from 'zod';
import { AgentError } from '../errors.js';

const positive = z.int().min(1);
const fieldName = z.string().min(1).max(128);

const recordingSchema = z.strictObject({
  features: z.unknown(),
  target: z.unknown(),
  missing: z
    .record(z.string(), z.union([z.literal('reject'), z.literal('previous'), z.number()]))
    .default({})
    .describe('By feature, what a missing value becomes; rows that lack it are rejected unless told.'),
  window: z
    .strictObject({
      size: positive.max(1 << 20).describe('Samples of one example.'),
      stride: positive.max(1 << 20).describe('Samples from one example to the next.'),
      samplingHz: z.number().positive().max(1e9).describe('Samples a second; a gap begins a new window.'),
    })
    .optional(),
  fields: z
    .strictObject({
      id: fieldName.default('id'),
      time: fieldName.default('time'),
      label: fieldName.optional().describe('Where rows carry their label; the target’s name unless told.'),
    })
    .prefault({})
    .describe('How rows name what is no feature.'),
  labels: z
    .strictObject({
      join: z
        .enum(['row', 'id', 'time'])
        .describe('With the row, later by its id, or later for a time span.'),
      withinHours: z
        .number()
        .positive()
        .max(87_600)
        .default(168)
        .describe('How long a label may be waited for.'),
    })
    .prefault({ join: 'row' }),
  retention: z
    .strictObject({
      megabytes: z.number().positive().default(256),
      days: z.number().positive().default(90),
    })
    .prefault({}),
});

export const integerTypes: readonly ExampleDataType[] = ['uint8', 'int8', 'uint16', 'int16', 'int32'];

export type MissingPolicy = 'reject' | 'previous' | number;

export interface Recording {
  readonly task: string;
  readonly contract: FeatureContract;
  /** Elements of each feature in one row: a whole example, or one sample of a window. */
  readonly rowElements: readonly number[];
  readonly missing: readonly MissingPolicy[];
  readonly window: { readonly size: number; readonly stride: number; readonly periodMs: number } | undefined;
  readonly fields: { readonly id: string; readonly time: string; readonly label: string };
  readonly labels: { readonly join: 'row' | 'id' | 'time'; readonly withinMs: number };
  readonly retention: { readonly bytesMax: number; readonly ageMsMax: number };
}

/**
 * Reads a recording from parsed YAML.
 *
 * @throws AgentError `agent/configuration`, ExamplesError `examples/contract-invalid`
 */
export function readRecording(task: string, value: unknown, path: string): Recording {
  const parsed = recordingSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(path, issue.path.join('.') || 'the file', issue.message);
  }
  const { features, target, missing, window, fields, labels, retention } = parsed.data;
  const contract = readContract({ features, target }, path);
  const stranger = Object.keys(missing).find(
    (name) => !contract.features.some((field) => field.name === name),
  );
  if (stranger !== undefined) throw invalid(path, `missing.${stranger}`, 'there is no such feature');
  for (const field of contract.features) {
    const problem = missingProblem(missing[field.name], field);
    if (problem !== undefined) throw invalid(path, `missing.${field.name}`, problem);
  }
  const rowElements = contract.features.map(({ name, shape }) => {
    if (window === undefined) return elementCount(shape);
    if (shape[0] !== window.size) {
      throw invalid(
        path,
        `features.${name}.shape`,
        `its first axis must be the window's size, ${window.size}`,
      );
    }
    return elementCount(shape.slice(1));
  });
  if (labels.join === 'time' && window === undefined) {
    throw invalid(path, 'labels.join', 'labels join by time only where there are windows');
  }
  return {
    task,
    contract,
    rowElements,
    missing: contract.features.map(({ name }) => missing[name] ?? 'reject'),
    window:
      window === undefined
        ? undefined
        : { size: window.size, stride: window.stride, periodMs: 1000 / window.samplingHz },
    fields: { ...fields, label: fields.label ?? contract.target.name },
    labels: { join: labels.join, withinMs: labels.withinHours * 3_600_000 },
    retention: { bytesMax: retention.megabytes * 1_000_000, ageMsMax: retention.days * 86_400_000 },
  };
}

/** What is filled in is held against the contract too, when it is trained with: better here than for every round. */
function missingProblem(
  policy: MissingPolicy | undefined,
  { dataType, range }: FeatureField,
): string | undefined {
  if (typeof policy !== 'number') return undefined;
  if (!(policy >= range[0] && policy <= range[1]))
    return `${policy} is outside of the feature's range, [${range.join(', ')}]`;
  return integerTypes.includes(dataType) && !Number.isInteger(policy)
    ? `${policy} is no ${dataType}`
    : undefined;
}

/** Most rows of one payload: what a message may make a device do is bounded. */
export const rowsMax = 1 << 16;
/** Longest payload, in bytes. */
export const payloadBytesMax = Math.min(16 << 20, contractLimits.elements);

function invalid(path: string, key: string, problem: string): AgentError {
  return new AgentError('agent/configuration', `The recording ${path} is not valid: ${key}: ${problem}.`);
}
