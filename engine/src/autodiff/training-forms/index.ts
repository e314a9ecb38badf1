/**
 * The forward pass as it is trained. What is best for inference alone may not be best with its gradient, so training
 * rewrites some operators first; evaluation and inference keep them.
 */
import type { GraphBuilder, Node, Value } from '../../onnx/index.js';
import { convolutionOfRows, kindOf } from './convolution-of-rows.js';
import { elementwise, pairwise, rectifier } from './elementwise.js';
import type { FormContext, TrainingForm } from './form.js';
import { batchNormalization } from './normalization.js';
import { Placements } from './placements.js';
import { globalAveragePool, maxPoolOfTiles } from './pooling.js';
import { recurrentLoop } from './recurrent.js';
import { winogradConvolution } from './winograd/convolution.js';
import { shallowConvolution } from './winograd/shallow-convolution.js';

const family = (form: TrainingForm, opTypes: readonly string[]) =>
  opTypes.map((opType): readonly [string, TrainingForm] => [opType, form]);

const convolution: TrainingForm = (context) =>
  convolutionOfRows(context) ?? winogradConvolution(context) ?? shallowConvolution(context);

const forms: ReadonlyMap<string, TrainingForm> = new Map([
  ['BatchNormalization', batchNormalization],
  ['Conv', convolution],
  ['GlobalAveragePool', globalAveragePool],
  ['MaxPool', maxPoolOfTiles],
  ['Relu', rectifier],
  ...family(recurrentLoop, ['GRU', 'LSTM', 'RNN']),
  ...family(elementwise, ['Clip', 'Elu', 'Erf', 'Gelu', 'HardSigmoid', 'HardSwish', 'Identity', 'LeakyRelu']),
  ...family(elementwise, ['Mish', 'Selu', 'Sigmoid', 'Softplus', 'Tanh']),
  ...family(pairwise, ['Add', 'Div', 'Mul', 'Sub']),
]);

/** Of a model's convolutions, the share that must gain from rows of channels: each of the others costs transpositions. */
const shareInRows = 0.75;

/**
 * Copies the nodes of `forward`, a subgraph under construction, into the graph that encloses it, in the forms that train
 * fastest, and gives the copies of `outputs`. `examples` is what the forward pass reads that is no parameter.
 */
export function forTraining(
  body: GraphBuilder,
  forward: GraphBuilder,
  outputs: readonly Value[],
  examples: Value,
): readonly Value[] {
  const original = (name: string): Value => forward.value(name);
  const placements = new Placements(body, (name) => {
    const stored = forward.initializers.get(name);
    return stored === undefined ? body.value(name) : body.initializer(name, stored);
  });
  const shared = new Map<string, Value>();
  const inRows = gainsFromRows(forward.nodes, original);
  const ofExamples = madeOf(examples.name, forward);
  for (const node of forward.nodes) {
    const copy = (): Value => copyOf(node, body, placements);
    const context: FormContext = {
      builder: body,
      node,
      placements,
      inRows,
      shared,
      original: (index) => optional(node.inputs[index], original),
      isOfExamples: (name) => ofExamples.has(name),
      copy,
    };
    const written = node.domain === '' ? forms.get(node.opType)?.(context) : undefined;
    if (written === undefined) copy();
    else place(context, written);
  }
  return outputs.map(({ name }) => placements.plain(name));
}

/** The values that are made of one and of constants. */
function madeOf(name: string, { nodes, initializers }: GraphBuilder): ReadonlySet<string> {
  const made = new Set([name]);
  const isConstant = (input: string): boolean => input === '' || initializers.has(input);
  for (const { inputs, outputs } of nodes) {
    if (!inputs.some((input) => made.has(input))) continue;
    if (inputs.every((input) => made.has(input) || isConstant(input))) {
      for (const output of outputs) made.add(output);
    }
  }
  return made;
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

/** The node as the model has it; gives its first output. */
function copyOf(node: Node, builder: GraphBuilder, placements: Placements): Value {
  const inputs = node.inputs.map((name) => (name === '' ? '' : placements.plain(name).name));
  const values = builder.append({ ...node, inputs });
  for (const value of values) placements.setPlain(value.name, value);
  return values[0];
}

function place({ node, placements }: FormContext, outputs: ReturnType<TrainingForm>): void {
  outputs?.forEach((output, index) => {
    const name = node.outputs[index] ?? '';
    if (name === '' || output === undefined) return;
    switch (output.kind) {
      case 'plain':
        placements.setPlain(name, output.value);
        break;
      case 'rows':
        placements.setRows(name, output.rows);
        break;
      case 'tiles':
        placements.setTiles(name, output.tiles);
        break;
      case 'shallow':
        placements.setShallow(name, output.shallow);
        break;
    }
  });
}
