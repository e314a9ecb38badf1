/** What a layer of TensorFlow.js sees when it is written as operators. */
import { float, type GraphBuilder, int, ints, type Value } from '../../../onnx/index.js';
import { invalid } from '../read.js';

export interface LayerContext {
  readonly b: GraphBuilder;
  /** A weight of the layer by its last name, such as `kernel`. @throws ModelError where it is not there */
  weight(kind: string): Value;
  /** A weight that may be absent. */
  find(kind: string): Value | undefined;
}

export type Config = Readonly<Record<string, unknown>>;

/** Adds the layer's operators. Values are `[batch, …, channels]`. */
export type Layer = (context: LayerContext, inputs: readonly Value[], config: Config) => Value;

export function numberIn(config: Config, name: string, absent: number): number {
  const value = config[name];
  return typeof value === 'number' ? value : absent;
}

/** A size for each axis, from one number or a list. */
export function sizesIn(config: Config, name: string, axes: number, absent: number): readonly number[] {
  const value = config[name] ?? absent;
  const sizes = Array.isArray(value) ? value.map(Number) : new Array<number>(axes).fill(Number(value));
  if (sizes.length !== axes || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalid(
      `layer ${String(config.name)}: "${name}" must be ${axes} sizes, found ${JSON.stringify(value)}`,
    );
  }
  return sizes;
}

const simple: Readonly<Record<string, string>> = {
  elu: 'Elu',
  mish: 'Mish',
  relu: 'Relu',
  selu: 'Selu',
  sigmoid: 'Sigmoid',
  softplus: 'Softplus',
  softsign: 'Softsign',
  tanh: 'Tanh',
};

/** An activation by its name. */
export function activate(b: GraphBuilder, x: Value, named: unknown): Value {
  const kind = named === undefined || named === null ? 'linear' : String(named).toLowerCase();
  switch (kind) {
    case 'linear':
      return x;
    case 'relu6':
      return b.op('Clip', [x, b.scalar(0), b.scalar(6)]);
    case 'softmax':
      return b.op('Softmax', [x], { axis: int(-1) });
    case 'swish':
    case 'silu':
      return b.op('Mul', [x, b.op('Sigmoid', [x])]);
    case 'gelu':
      return b.op('Gelu', [x]);
    case 'hardsigmoid':
    case 'hard_sigmoid':
      return b.op('HardSigmoid', [x], { alpha: float(0.2), beta: float(0.5) });
    default: {
      const opType = simple[kind];
      if (opType === undefined)
        throw invalid(`the activation ${kind} is not known; use ${Object.keys(simple).join(', ')}`);
      return b.op(opType, [x]);
    }
  }
}

/** `[batch, …, channels]` to `[batch, channels, …]`. */
export function channelsFirst(b: GraphBuilder, x: Value): Value {
  const rank = x.shape.length;
  return b.op('Transpose', [x], {
    perm: ints([0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)]),
  });
}

export function channelsLast(b: GraphBuilder, x: Value): Value {
  const rank = x.shape.length;
  return b.op('Transpose', [x], { perm: ints([0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]) });
}

/** @throws ModelError for a layer that keeps its channels first */
export function requireChannelsLast(config: Config): void {
  if (
    config.data_format === undefined ||
    config.data_format === null ||
    config.data_format === 'channels_last'
  )
    return;
  throw invalid(
    `layer ${String(config.name)}: data_format ${String(config.data_format)} is not handled; use channels_last`,
  );
}

/** @throws ModelError for a setting that changes what a layer computes, and is not what it is usually */
export function requireUsual(config: Config, name: string, usual: readonly unknown[]): void {
  const value = config[name];
  if (value === undefined || value === null || usual.includes(value)) return;
  throw invalid(
    `layer ${String(config.name)}: ${name} ${JSON.stringify(value)} is not handled; use ${JSON.stringify(usual[0])}, or convert the model to ONNX`,
  );
}

/** @throws ModelError for a layer that normalises over another axis than the last */
export function requireLastAxis(config: Config, rank: number): void {
  const axis: unknown = Array.isArray(config.axis) && config.axis.length === 1 ? config.axis[0] : config.axis;
  requireUsual({ ...config, axis }, 'axis', [-1, rank - 1]);
}
