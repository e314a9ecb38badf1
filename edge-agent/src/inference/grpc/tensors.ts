/** Inputs of a gRPC request: raw bytes for all of them, or a list of its type for each. */
import type { TensorDataType, TensorSpec, TensorValue } from '@starling/engine/serving';
import type { InferTensorContents, ModelInferRequest } from '@starling/proto/open-inference';
import { fromRaw, toTensorData } from '../data-types.js';
import { InferenceError } from '../errors.js';
import { dataTypeOf } from '../http/json-codec.js';

const contentsOf = {
  bool: 'boolContents',
  int8: 'intContents',
  int16: 'intContents',
  int32: 'intContents',
  int64: 'int64Contents',
  uint8: 'uintContents',
  uint16: 'uintContents',
  uint32: 'uintContents',
  uint64: 'uint64Contents',
  float32: 'fp32Contents',
  float64: 'fp64Contents',
} as const satisfies Record<TensorDataType, keyof InferTensorContents>;

/** @throws InferenceError `inference/invalid-request` */
export function readTensors(
  { inputs, rawInputContents }: ModelInferRequest,
  specs: readonly TensorSpec[],
): readonly TensorValue[] {
  const raw = rawInputContents.length > 0;
  if (raw && rawInputContents.length !== inputs.length) {
    throw new InferenceError(
      'inference/invalid-request',
      `There are ${rawInputContents.length} raw_input_contents for ${inputs.length} inputs; give one for each.`,
    );
  }
  return inputs.map(({ name, datatype, shape, contents }, index) => {
    const place = `the input ${JSON.stringify(name.slice(0, 80))}`;
    const dataType = dataTypeOf(datatype, specs, name);
    if (raw) {
      if (contents !== undefined) {
        throw new InferenceError(
          'inference/invalid-request',
          `${place} has contents beside raw_input_contents; give one of them.`,
        );
      }
      return { name, dataType, shape, data: fromRaw(rawInputContents[index], dataType, place) };
    }
    const values = contents?.[contentsOf[dataType]] ?? [];
    return { name, dataType, shape, data: toTensorData(values, dataType, place) };
  });
}
