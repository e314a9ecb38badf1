import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadSchema } from '../scripts/load-schema.mjs';
import { ModelInferRequest } from './open-inference.js';
import { decodeMessage, encodeMessage } from './wire.js';

// protobufjs' own reflection, over the same schema: nested messages, maps and packed lists, each way.
const schema = loadSchema(new URL('..', import.meta.url).pathname, ['inference/open_inference.proto']);
const type = schema.lookupType('inference.ModelInferRequest');

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const requests = fc.record({
  modelName: fc.string({ unit: 'grapheme', minLength: 1 }),
  numbers: fc.array(int32),
  long: fc.array(int64),
  doubles: fc.array(fc.double({ noNaN: true })),
  flags: fc.array(fc.boolean()),
  shape: fc.array(fc.nat()),
  parameters: fc.dictionary(fc.string(), int64),
});

test('lists, maps and nested messages are written and read as protobufjs does', () => {
  const property = fc.property(
    requests,
    ({ modelName, numbers, long, doubles, flags, shape, parameters }) => {
      const message: ModelInferRequest = {
        modelName,
        modelVersion: '',
        id: '',
        parameters: new Map(
          Object.entries(parameters).map(([key, value]) => [
            key,
            { parameterChoice: { kind: 'int64Param', value } },
          ]),
        ),
        inputs: [
          {
            name: 'x',
            datatype: 'INT32',
            shape,
            parameters: new Map(),
            contents: {
              boolContents: flags,
              intContents: numbers,
              int64Contents: long,
              uintContents: [],
              uint64Contents: [],
              fp32Contents: [],
              fp64Contents: doubles,
              bytesContents: [],
            },
          },
        ],
        outputs: [],
        rawInputContents: [],
      };
      const written = encodeMessage(ModelInferRequest, message);
      expect(decodeMessage(ModelInferRequest, written)).toEqual(message);
      const theirs = type.encode(type.decode(written)).finish();
      expect(decodeMessage(ModelInferRequest, theirs)).toEqual(message);
    },
  );
  fc.assert(property, { numRuns: 200 });
});

test('scalars that came one by one are read like packed ones, and a list beyond its message is refused', () => {
  // InferTensorContents: int_contents (field 2) as three varints of their own.
  const contents = Uint8Array.of(16, 1, 16, 2, 16, 3);
  const input = Uint8Array.of(42, contents.length, ...contents);
  const read = decodeMessage(ModelInferRequest, Uint8Array.of(42, input.length, ...input));
  expect(read.inputs[0].contents?.intContents).toEqual([1, 2, 3]);
  expect(() => decodeMessage(ModelInferRequest, Uint8Array.of(42, 2, 26, 9, 1))).toThrow(RangeError);
});
