import { describe } from '../attributes.js';
import { formatShape } from '../dimensions.js';
import { OnnxError } from '../errors.js';
import type { Dimension, Node, Tensor, Value } from '../graph.js';
import type { Inferred } from './context.js';
import { contributedRules, inferenceRules } from './index.js';

const controlFlow: ReadonlySet<string> = new Set(['If', 'Loop']);

/** Where the rules learn about the values a node uses. */
export interface ValueSource {
  value(name: string): Value;
  constantOf(value: Value): Tensor | undefined;
  contentsOf(value: Value): readonly Dimension[] | undefined;
}

/**
 * Types and shapes of a node's outputs.
 * @throws OnnxError `onnx/unsupported` for operators without a rule, `onnx/shape` for inputs that do not fit.
 */
export function inferNode(node: Node, source: ValueSource): readonly Inferred[] {
  const standard = node.domain === '' || node.domain === 'ai.onnx';
  const rule = standard
    ? inferenceRules.get(node.opType)
    : contributedRules.get(`${node.domain}.${node.opType}`);
  if (rule === undefined && standard && controlFlow.has(node.opType)) {
    throw new OnnxError(
      'onnx/unsupported',
      `${describe(node)} is control flow, which has no gradient; export the model with a fixed number of steps, so that the exporter writes them out`,
    );
  }
  if (rule === undefined) {
    throw new OnnxError(
      'onnx/unsupported',
      `${describe(node)}: the operator is not known to the engine; add its shape rule to onnx/shape-inference, or export the model without it`,
    );
  }
  const inputs = node.inputs.map((name) => (name === '' ? undefined : readBy(node, name, source)));
  const outputs = rule({
    node,
    inputs,
    constant: (index) => mapped(inputs[index], (value) => source.constantOf(value)),
    contents: (index) => mapped(inputs[index], (value) => source.contentsOf(value)),
  });
  for (const { shape } of outputs) {
    if (shape.some((size) => typeof size === 'number' && (size < 0 || !Number.isInteger(size)))) {
      throw new OnnxError(
        'onnx/shape',
        `${describe(node)} would give the shape ${formatShape(shape)}; mend the layer it stands for`,
      );
    }
    requireFitting(shape, `${describe(node)} would give`);
  }
  return outputs;
}

/** Beyond this no device could hold a value: 8 GB of float32. */
const elementsMax = 2 ** 31;
/** No layer has more axes; ONNX Runtime's own kernels end earlier. */
const rankMax = 64;

/**
 * Refuses a value of more elements than any device holds, the batch not counted where its size is not known: a few bytes can ask for
 * any number of them. @throws OnnxError `onnx/unsupported`
 */
export function requireFitting(shape: readonly Dimension[], what: string): void {
  const elements = shape.reduce<number>(
    (total, size) => (typeof size === 'number' ? total * size : total),
    1,
  );
  if (shape.length > rankMax) {
    throw new OnnxError(
      'onnx/unsupported',
      `${what} ${shape.length} axes, and a value has at most ${rankMax}; export the model with fewer`,
    );
  }
  if (elements <= elementsMax) return;
  throw new OnnxError(
    'onnx/unsupported',
    `${what} the shape ${formatShape(shape)}, and a value has at most ${elementsMax} elements; export the model with smaller sizes`,
  );
}

/** What a node reads. @throws OnnxError `onnx/inconsistent`, naming the node, where nothing gives it */
export function readBy(node: Node, name: string, source: Pick<ValueSource, 'value'>): Value {
  try {
    return source.value(name);
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    throw new OnnxError(
      'onnx/inconsistent',
      `${describe(node)} reads ${JSON.stringify(name)}, which nothing before it gives: nodes must stand in the order in which they are computed, and in no circle; export the model again`,
      { cause },
    );
  }
}

function mapped<T, R>(value: T | undefined, change: (value: T) => R | undefined): R | undefined {
  return value === undefined ? undefined : change(value);
}
