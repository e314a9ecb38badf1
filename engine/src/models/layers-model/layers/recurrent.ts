import type { Value } from '../../../onnx/index.js';
import { int } from '../../../onnx/index.js';
import { invalid } from '../read.js';
import { activate, type Layer, requireUsual } from './layer.js';

/** Hochreiter and Schmidhuber 1997 over `[batch, steps, features]`, unrolled; gates in TensorFlow's order i, f, c, o. */
export const lstm: Layer = ({ b, weight }, [x], config) => {
  for (const name of ['return_state', 'stateful', 'time_major']) requireUsual(config, name, [false]);
  const [, steps] = x.shape;
  if (typeof steps !== 'number')
    throw invalid(`layer ${String(config.name)}: the number of steps must be fixed`);
  const [kernel, recurrent] = [weight('kernel'), weight('recurrent_kernel')];
  const bias = config.use_bias === false ? undefined : weight('bias');
  const product = b.op('MatMul', [x, kernel]);
  const projected = bias === undefined ? product : b.op('Add', [product, bias]);
  const parts =
    steps === 1 ? [projected] : b.ops('Split', [projected], steps, { axis: int(1), num_outputs: int(steps) });
  const inner = (value: Value) => activate(b, value, config.recurrent_activation ?? 'hardSigmoid');
  const outer = (value: Value) => activate(b, value, config.activation ?? 'tanh');
  let hidden: Value | undefined;
  let memory: Value | undefined;
  const outputs = (config.go_backwards === true ? parts.toReversed() : parts).map((part) => {
    const own = b.op('Squeeze', [part, b.ints([1])]);
    const gates = hidden === undefined ? own : b.op('Add', [own, b.op('MatMul', [hidden, recurrent])]);
    const [i, f, c, o] = b.ops('Split', [gates], 4, { axis: int(1), num_outputs: int(4) });
    const fresh = b.op('Mul', [inner(i), outer(c)]);
    memory = memory === undefined ? fresh : b.op('Add', [b.op('Mul', [inner(f), memory]), fresh]);
    hidden = b.op('Mul', [inner(o), outer(memory)]);
    return hidden;
  });
  const last = outputs[outputs.length - 1];
  if (config.return_sequences !== true) return last;
  return b.op(
    'Concat',
    outputs.map((output) => b.op('Unsqueeze', [output, b.ints([1])])),
    { axis: int(1) },
  );
};
