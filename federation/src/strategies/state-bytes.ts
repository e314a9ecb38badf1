import { type SealKind, seal, unseal } from '../vectors/sealed-bytes.js';
import { StrategyError } from './errors.js';
import { isStrategyKind } from './registry.js';
import type { StrategyState } from './strategy.js';

/** Body: u32 bytes of the header, the header as JSON padded with spaces to whole words, each moment as f32. */
const sealKind: SealKind = { magic: 'SSTR', version: 1, what: 'strategy state' };

interface Header {
  readonly kind: string;
  readonly round: number;
  readonly parameterCount: number;
  readonly moments: number;
}

/** The state as bytes for a durable checkpoint. */
export function serializeStrategyState(state: StrategyState): Uint8Array {
  const { kind, round, parameterCount, moments } = state;
  const header: Header = { kind, round, parameterCount, moments: moments.length };
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 4) * 4));
  const parts = seal(sealKind, [
    new Uint8Array(Uint32Array.of(text.length).buffer),
    text,
    ...moments.map(({ buffer, byteOffset, byteLength }) => {
      return new Uint8Array(buffer, byteOffset, byteLength);
    }),
  ]);
  return Buffer.concat(parts);
}

/**
 * The state that was serialized, bit for bit. Throws `VectorError` `corrupt-bytes` when the bytes are damaged or of
 * another kind, `StrategyError` `wrong-state` for a strategy this code does not know.
 */
export function restoreStrategyState(bytes: Uint8Array): StrategyState {
  const body = unseal(sealKind, bytes);
  const headerBytes = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  const json = new TextDecoder().decode(body.subarray(4, 4 + headerBytes));
  // The seal has shown that these are the bytes `serializeStrategyState` wrote.
  const { kind, round, parameterCount, moments } = JSON.parse(json) as Header;
  if (!isStrategyKind(kind)) {
    throw new StrategyError('wrong-state', `the state is of the unknown strategy "${kind}"`);
  }
  const values = new Float32Array(
    body.buffer,
    body.byteOffset + 4 + headerBytes,
    (body.byteLength - 4 - headerBytes) / 4,
  );
  return {
    kind,
    round,
    parameterCount,
    moments: Array.from({ length: moments }, (_, index) =>
      values.slice(index * parameterCount, (index + 1) * parameterCount),
    ),
  };
}
