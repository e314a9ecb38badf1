/** Models with inputs and outputs of any name and type: what serving needs, where training knows its own graphs. */

/** Element types that a served tensor may have, with the array that holds each. */
export const tensorArrays = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

export type TensorDataType = keyof typeof tensorArrays;

export type TensorData = InstanceType<(typeof tensorArrays)[TensorDataType]>;

export interface TensorSpec {
  readonly name: string;
  readonly dataType: TensorDataType;
  /** Elements along each axis; -1 where the axis is free. */
  readonly shape: readonly number[];
}

export interface TensorValue {
  readonly name: string;
  readonly dataType: TensorDataType;
  readonly shape: readonly number[];
  /** Row-major elements, of the array that `tensorArrays` names. */
  readonly data: TensorData;
}

/** A loaded model. A run computes on the calling thread, once the event loop comes around. */
export interface TensorSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Runs the model once on all of its inputs; gives all of its outputs, in the order of `outputs`.
   *
   * @throws RuntimeError `runtime/input` where ONNX Runtime refuses what it was given
   */
  run(inputs: readonly TensorValue[]): Promise<readonly TensorValue[]>;
  release(): Promise<void>;
}
