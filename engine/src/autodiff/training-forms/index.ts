/**
 * The forward pass as it is trained. What is best for inference alone may not be best with its gradient, so training
 * rewrites some operators first; evaluation and inference keep them.
 */
import type { GraphBuilder, Node, Value } from '../../onnx/index.js';
import { convolution, kindOf } from './convolution.js';
import { elementwise, pairwise } from './elementwise.js';
import type { FormContext, TrainingForm } from './form.js';
import { batchNormalization } from './normalization.js';
import { Placements } from './placements.js';
import { globalAveragePool } from './pooling.js';
import { recurrentLoop } from './recurrent.js';

const family = (form: TrainingForm, opTypes: readonly string[]) =>
  opTypes.map((opType): readonly [string, TrainingForm] => [opType, form]);

const forms: ReadonlyMap<string, TrainingForm> = new Map([
  ['BatchNormalization', batchNormalization],
  ['Conv', convolution],
  ['GlobalAveragePool', globalAveragePool],
  ...family(recurrentLoop, ['GRU', 'LSTM', 'RNN']),
  ...family(elementwise, ['Clip', 'Elu', 'Erf', 'Gelu', 'HardSigmoid', 'HardSwish', 'Identity', 'LeakyRelu']),
  ...family(elementwise, ['Mish', 'Relu', 'Selu', 'Sigmoid', 'Softplus', 'Tanh']),
  ...family(pairwise, ['Add', 'Div', 'Mul', 'Sub']),
]);

/** Of a model's convolutions, the share that must gain from rows of channels: each of the others costs transpositions. */
const shareInRows = 0.75;

/**
 * Copies the nodes of `forward`, a subgraph under construction, into the graph that encloses it, in the forms that train
 * fastest, and gives the copies of `outputs`.
 */
export function forTraining(
  body: GraphBuilder,
  forward: GraphBuilder,
  outputs: readonly Value[],
): readonly Value[] {
  const original = (name: string): Value => forward.value(name);
  const placements = new Placements(body, (name) => {
    const stored = forward.initializers.get(name);
    return stored === undefined ? body.value(name) : body.initializer(name, stored);
  });
  const shared = new Map<string, Value>();
  const inRows = gainsFromRows(forward.nodes, original);
  for (const node of forward.nodes) {
    const context: FormContext = {
      builder: body,
      node,
      placements,
      inRows,
      shared,
      original: (index) => optional(node.inputs[index], original),
    };
    const written = node.domain === '' ? forms.get(node.opType)?.(context) : undefined;
    if (written === undefined) copy(context);
    else place(context, written);
  }
  return outputs.map(({ name }) => placements.plain(name));
}

function optional(name: string | undefined, find: (name: string) => Value): Value | undefined {
  return name === undefined || name === '' ? undefined : find(name);
}

function gainsFromRows(nodes: readonly Node[], find: (name: string) => Value): boolean {
  const convolutions = nodes.filter(({ opType }) => opType === 'Conv');
  const gaining = convolutions.filter(
    (node) => kindOf({ node, original: (index) => optional(node.inputs[index], find) }) !== 'other',
  );
  return gaining.length > 0 && gaining.length >= shareInRows * convolutions.length;
}

function copy({ builder, node, placements }: FormContext): void {
  const inputs = node.inputs.map((name) => (name === '' ? '' : placements.plain(name).name));
  for (const value of builder.append({ ...node, inputs })) placements.setPlain(value.name, value);
}

function place({ node, placements }: FormContext, outputs: ReturnType<TrainingForm>): void {
  outputs?.forEach((output, index) => {
    const name = node.outputs[index] ?? '';
    if (name === '' || output === undefined) return;
    if (output.kind === 'plain') placements.setPlain(name, output.value);
    else placements.setRows(name, output.rows);
  });
}
