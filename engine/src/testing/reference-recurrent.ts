import { intAttribute, stringAttribute } from '../onnx/attributes.js';
import { type Dense, given, type Kernel } from '../onnx/evaluation/index.js';
import type { Node } from '../onnx/index.js';

/** One step for one example: what the gates got from the input (bias in), from the hidden state, and the states. */
interface Step {
  readonly own: readonly number[];
  /** The recurrent product of a vector with rows of one gate, bias in. */
  readonly recall: (gate: number, vector: readonly number[]) => readonly number[];
  readonly hidden: readonly number[];
  readonly memory: readonly number[];
}

type CellStep = (node: Node, step: Step) => { readonly hidden: number[]; readonly memory: number[] };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Element by element, after https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours. */
const recurrent =
  (gates: number, cell: CellStep): Kernel =>
  (node, inputs) => {
    const [x, w, r] = [given(inputs, 0), given(inputs, 1), given(inputs, 2)];
    const [steps, batch, features] = x.shape;
    const [directions, , size] = r.shape;
    const all = new Float64Array(steps * directions * batch * size);
    const lasts = [0, 1].map(() => new Float64Array(directions * batch * size));
    const row = ({ data }: Dense, start: number, length: number) => [...data.subarray(start, start + length)];
    for (let d = 0; d < directions; d++) {
      const backward = d === 1 || stringAttribute(node, 'direction', 'forward') === 'reverse';
      for (let n = 0; n < batch; n++) {
        const at = (d * batch + n) * size;
        let hidden = inputs[5] ? row(inputs[5], at, size) : new Array<number>(size).fill(0);
        let memory = inputs[6] ? row(inputs[6], at, size) : new Array<number>(size).fill(0);
        const bias = (i: number) => inputs[3]?.data[d * 2 * gates * size + i] ?? 0;
        for (let i = 0; i < steps; i++) {
          const t = backward ? steps - 1 - i : i;
          const input = row(x, (t * batch + n) * features, features);
          const own = Array.from({ length: gates * size }, (_, g) => {
            const weights = row(w, (d * gates * size + g) * features, features);
            return weights.reduce((sum, weight, f) => sum + weight * input[f], bias(g));
          });
          const recall = (gate: number, vector: readonly number[]) =>
            Array.from({ length: size }, (_, j) => {
              const g = gate * size + j;
              const weights = row(r, (d * gates * size + g) * size, size);
              return weights.reduce((sum, weight, h) => sum + weight * vector[h], bias(gates * size + g));
            });
          ({ hidden, memory } = cell(node, { own, recall, hidden, memory }));
          all.set(hidden, ((t * directions + d) * batch + n) * size);
        }
        lasts[0].set(hidden, at);
        lasts[1].set(memory, at);
      }
    }
    const last = [directions, batch, size];
    const { dataType } = x;
    return [
      { dataType, shape: [steps, ...last], data: all },
      ...lasts.map((data) => ({ dataType, shape: last, data })),
    ];
  };

const lstm: CellStep = (_node, { own, recall, hidden, memory }) => {
  const size = hidden.length;
  const gate = (g: number) => recall(g, hidden).map((value, j) => value + own[g * size + j]);
  const [i, o, f, c] = [gate(0), gate(1), gate(2), gate(3)];
  const next = memory.map((m, j) => sigmoid(f[j]) * m + sigmoid(i[j]) * Math.tanh(c[j]));
  return { hidden: next.map((m, j) => sigmoid(o[j]) * Math.tanh(m)), memory: next };
};

const gru: CellStep = (node, { own, recall, hidden, memory }) => {
  const size = hidden.length;
  const z = recall(0, hidden).map((value, j) => sigmoid(value + own[j]));
  const r = recall(1, hidden).map((value, j) => sigmoid(value + own[size + j]));
  const linear = intAttribute(node, 'linear_before_reset', 0) !== 0;
  const recalled = linear
    ? recall(2, hidden).map((value, j) => r[j] * value)
    : recall(
        2,
        hidden.map((h, j) => r[j] * h),
      );
  const fresh = recalled.map((value, j) => Math.tanh(value + own[2 * size + j]));
  return { hidden: fresh.map((n, j) => (1 - z[j]) * n + z[j] * hidden[j]), memory: [...memory] };
};

const rnn: CellStep = (node, { own, recall, hidden, memory }) => {
  const named = node.attributes.activations;
  const relu = named?.kind === 'strings' && named.value[0] === 'Relu';
  const apply = relu ? (x: number) => Math.max(0, x) : Math.tanh;
  return { hidden: recall(0, hidden).map((value, j) => apply(value + own[j])), memory: [...memory] };
};

export const recurrentKernels: ReadonlyMap<string, Kernel> = new Map([
  ['LSTM', recurrent(4, lstm)],
  ['GRU', recurrent(3, gru)],
  ['RNN', recurrent(1, rnn)],
]);
