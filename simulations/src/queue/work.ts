/** What stands in the queue: a chunk of a round's jobs, and by hash what it takes to do them. */
import * as z from 'zod';
import type { LocalSettings } from '../execution/setting.js';
import { contentReference } from './content.js';

/** Name of the queue that directors and workers share. */
export const queueName = 'starling-sim';

/** Most clients of one chunk. */
export const chunkMax = 64;

const uint32 = z.int().min(0).max(0xffffffff);
const version = z.int().min(0);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(chunkMax);

/** The parts of a session that do not change from round to round. */
const session = z.strictObject({
  /** Of the director that waits for the result. */
  id: z.uuid(),
  setting: contentReference,
  plan: contentReference,
  data: contentReference,
});

const train = z.strictObject({
  kind: z.literal('train'),
  session,
  round: uint32,
  learningRate: z.number(),
  rotationSeed: z.string().regex(/^[0-9a-f]{64}$/),
  speaker: uint32,
  /** The commit that the update will be applied to; it is among `checkpoints`. */
  current: version,
  checkpoints: z.array(z.strictObject({ version, content: contentReference })).max(chunkMax + 1),
  broadcast: contentReference.nullable(),
  kept: contentReference.nullable(),
  clients: list(uint32),
  versions: list(version),
  staleness: list(uint32),
  epochs: list(uint32),
  hostile: list(z.union([z.literal(0), z.literal(1)])),
});

const evaluate = z.strictObject({
  kind: z.literal('evaluate'),
  session,
  what: z.enum(['test', 'clients', 'backdoor']),
  round: uint32,
  learningRate: z.number(),
  version,
  checkpoint: contentReference,
  firstBlock: uint32,
  jobs: z.int().min(1).max(chunkMax),
  kept: contentReference.nullable(),
  /** Empty where test examples are evaluated. */
  clients: list(uint32),
});

export const chunkSchema = z.discriminatedUnion('kind', [train, evaluate]);
export type Chunk = Readonly<z.output<typeof chunkSchema>>;
export type TrainChunk = Extract<Chunk, { kind: 'train' }>;
export type EvaluateChunk = Extract<Chunk, { kind: 'evaluate' }>;
export type Session = TrainChunk['session'];

/** What a worker answers: where the result lies, or what a client's training failed with. */
export const answerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('done'), result: contentReference }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.enum(['simulation/worker', 'simulation/diverged']),
    message: z.string(),
    remedy: z.string(),
  }),
  /** Nobody waits for it. */
  z.strictObject({ kind: z.literal('dropped') }),
]);
export type Answer = Readonly<z.output<typeof answerSchema>>;

/** Whose kept vectors each job reads and writes: sybils have one owner. */
export function keepersOf(
  chunk: Pick<TrainChunk, 'clients' | 'hostile' | 'speaker'>,
  { attack }: Pick<LocalSettings, 'attack'>,
): readonly number[] {
  const { clients, hostile, speaker } = chunk;
  return clients.map((client, at) => (attack?.kind === 'sybil' && hostile[at] === 1 ? speaker : client));
}

/** A key that a director keeps alive while it waits. */
export const aliveKey = (id: string): string => `starling-sim:alive:${id}`;
export const aliveSeconds = 60;

/** Clients' kept vectors of a chunk, before a round or after it: packed. */
export interface KeptBlock {
  /** 1 where the client has any: `[clients]`. */
  readonly has: Uint8Array;
  /** `[clients, vectors, parameterCount]` */
  readonly vectors: Float32Array;
}

/** A chunk's part of the shared arrays: packed, with the job it is of, so that no two results are one content. */
export interface ChunkResult {
  readonly magnitudeBound: number;
  readonly deltas: Float64Array;
  readonly extras: Float64Array;
  readonly masked: Uint32Array;
  readonly results: Float64Array;
  readonly updates: Float32Array;
  readonly blocks: Float64Array;
  readonly kept: KeptBlock | null;
}
