/** Payloads that a sensor should not send, and some that it should: for whatever takes payloads. */
import { encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';
import fc from 'fast-check';

const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

const sound = bytes([{ id: 'z', x: 0, p: [1, 2], side: 1, time: 1 }]);
const soundCsv = bytes('id,x,p.0,p.1,side\nz,0,1,2,1\n');
const soundMetrics = Buffer.from(
  encodeMessage(SparkplugPayload, {
    timestamp: 1,
    metrics: ['x', 'side', 'bdSeq'].map((name, alias) => ({
      ...{ name, alias, timestamp: 0, datatype: 10, isNull: false },
      value: { kind: 'doubleValue', value: 0.5 } as const,
    })),
  }),
);

const damaged = fc
  .tuple(fc.constantFrom(sound, soundCsv, soundMetrics), fc.nat(), fc.nat(255), fc.boolean())
  .map(([whole, place, byte, isCut]) => {
    const at = place % whole.length;
    return isCut ? whole.subarray(0, at) : Buffer.from(Uint8Array.from(whole).with(at, byte));
  });

const row = fc
  .record(
    { x: fc.anything(), p: fc.anything(), time: fc.anything(), id: fc.anything(), side: fc.anything() },
    { requiredKeys: [] },
  )
  .map((fields) =>
    bytes(JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? 1 : value)) ?? ''),
  );

/** Well nested, and deeper than whoever prints it can go. */
const deep = fc
  .integer({ min: 1, max: 20_000 })
  .map((depth) => bytes(`{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`));

export const hostilePayload: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 4, arbitrary: damaged },
  { weight: 3, arbitrary: row },
  { weight: 1, arbitrary: deep },
  fc.uint8Array({ maxLength: 64 }).map((any) => Buffer.from(any)),
  fc.json().map(bytes),
  fc.string({ unit: fc.constantFrom('x', 'p.0', 'p.1', 'side', ',', '\n', '"', '1', '-', '.') }).map(bytes),
  fc.constant(bytes('[{"__proto__":{"x":1}},{"constructor":0,"x":1e400}]')),
  fc.nat(6).map((rows) => Buffer.alloc(12 * rows + (rows % 2), 0x3f)),
);
