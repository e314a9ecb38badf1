/** What a simulation needs to go on after a round. */
import { createHash } from 'node:crypto';

export interface SimulationState {
  /** Committed rounds. */
  readonly rounds: number;
  /** Checkpoints by the commit they are of; the last is the newest. More than one only in asynchronous runs. */
  readonly checkpoints: readonly { readonly version: number; readonly parameters: Float32Array }[];
  /** The algorithm's vectors. */
  readonly vectors: readonly Float32Array[];
}

/** SHA-256 of the parameters as little-endian f32, in hexadecimal. */
export function checkpointHash(parameters: Float32Array): string {
  const bytes = new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}
