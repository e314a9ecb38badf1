/**
 * A question within bounds before it is decoded: two bytes name another output or parameter, and become hundreds in memory.
 * Lists of numbers are not counted, for they take about what they bring.
 */
import { GRPCInferenceService, ModelInferRequest } from '@starling/proto/open-inference';

type RequestType = typeof ModelInferRequest;
type Reader = Parameters<RequestType['decode']>[0];

/** Tensors, names, parameters and pieces of bytes of one question. */
const fieldsMax = 4096;

/** Fields that hold further ones, by their numbers in `ModelInferRequest`: parameters, inputs and outputs. */
interface Nesting {
  readonly [field: number]: Nesting;
}
const nesting: Nesting = { 4: {}, 5: { 4: {}, 5: {} }, 6: { 2: {} } };

const boundedRequest: RequestType = {
  ...ModelInferRequest,
  decode(reader) {
    const start = reader.pos;
    const fields = countFields(reader, reader.len, nesting, 0);
    if (fields > fieldsMax) throw new RangeError(`it has more than ${fieldsMax} fields`);
    reader.pos = start;
    return ModelInferRequest.decode(reader);
  },
};

/** Counts what has a length, on top of `count`, and ends where that is too many. Throws where the bytes are no message. */
function countFields(reader: Reader, end: number, inside: Nesting, count: number): number {
  let fields = count;
  while (reader.pos < end && fields <= fieldsMax) {
    const tag = reader.uint32();
    const further = (tag & 7) === 2 ? inside[tag >>> 3] : undefined;
    if ((tag & 7) === 2) fields += 1;
    if (further === undefined) reader.skipType(tag & 7);
    else {
      const length = reader.uint32();
      fields = countFields(reader, Math.min(end, reader.pos + length), further, fields);
    }
  }
  return fields;
}

/** The published service, whose questions are bounded. */
export const boundedService: typeof GRPCInferenceService = {
  ...GRPCInferenceService,
  methods: {
    ...GRPCInferenceService.methods,
    modelInfer: { ...GRPCInferenceService.methods.modelInfer, request: boundedRequest },
  },
};
