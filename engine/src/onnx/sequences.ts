/** Lists of tensors, which exporters use for `split` and `stack`, taken apart into the tensors themselves. */
import { describe, int, intAttribute } from './attributes.js';
import type { GraphBuilder } from './builder.js';
import { OnnxError } from './errors.js';
import type { Node, Value } from './graph.js';
import { tensorOf, toNumbers } from './tensors.js';

/** The tensors of each list, by the list's name. */
export type Sequences = Map<string, readonly Value[]>;

const operators: ReadonlySet<string> = new Set([
  'ConcatFromSequence',
  'SequenceAt',
  'SequenceConstruct',
  'SequenceEmpty',
  'SequenceInsert',
  'SequenceLength',
  'SplitToSequence',
]);

/**
 * Writes a node that makes or reads a list as operators on tensors, and says whether it was one. What a list holds must
 * be known before the model runs.
 * @throws OnnxError `onnx/unsupported` where it is not
 */
export function appendSequenceNode(node: Node, builder: GraphBuilder, sequences: Sequences): boolean {
  if (node.domain !== '' || !operators.has(node.opType)) return false;
  const [output] = node.outputs;
  const list = (): readonly Value[] =>
    sequences.get(node.inputs[0]) ?? refuse(node, 'its list is not known before the model runs');
  const define = (opType: string, inputs: readonly string[], attributes: Node['attributes'] = {}): void => {
    builder.append({ name: node.name, opType, domain: '', inputs, outputs: [output], attributes });
  };
  switch (node.opType) {
    case 'SequenceEmpty':
      sequences.set(output, []);
      break;
    case 'SequenceConstruct':
      sequences.set(
        output,
        node.inputs.map((name) => builder.value(name)),
      );
      break;
    case 'SequenceInsert': {
      const items = [...list()];
      const at = node.inputs[2] ? numberOf(node, builder, 2) : items.length;
      items.splice(at, 0, builder.value(node.inputs[1]));
      sequences.set(output, items);
      break;
    }
    case 'SequenceAt': {
      const item = list().at(numberOf(node, builder, 1));
      if (item === undefined) refuse(node, 'its index lies beyond the list');
      define('Identity', [item.name]);
      break;
    }
    case 'SequenceLength':
      builder.initializer(output, tensorOf('int64', [], [list().length]));
      break;
    case 'ConcatFromSequence': {
      const axis = intAttribute(node, 'axis', 0);
      const stacked = intAttribute(node, 'new_axis', 0) !== 0;
      const items = stacked
        ? list().map((item) => builder.op('Unsqueeze', [item, builder.ints([axis])]))
        : list();
      define(
        'Concat',
        items.map(({ name }) => name),
        { axis: int(axis) },
      );
      break;
    }
    case 'SplitToSequence':
      sequences.set(output, split(node, builder));
      break;
  }
  return true;
}

function split(node: Node, builder: GraphBuilder): readonly Value[] {
  const x = builder.value(node.inputs[0]);
  const given = intAttribute(node, 'axis', 0);
  const axis = given < 0 ? given + x.shape.length : given;
  const size = x.shape[axis];
  if (typeof size !== 'number') return refuse(node, `the size of axis ${axis} is not known`);
  const asked = node.inputs[1] ? builder.value(node.inputs[1]) : undefined;
  const parts = asked && (builder.contentsOf(asked) ?? refuse(node, 'its sizes are not known'));
  const single = asked === undefined ? 1 : asked.shape.length === 0 ? Number(parts?.[0]) : undefined;
  if (single !== undefined && !(single >= 1)) refuse(node, 'its parts have no size');
  const sizes =
    single === undefined
      ? (parts ?? []).map(Number)
      : Array.from({ length: Math.ceil(size / single) }, (_, i) => Math.min(single, size - i * single));
  const pieces =
    sizes.length === 1
      ? [x]
      : builder.ops('Split', [x, builder.ints(sizes)], sizes.length, { axis: int(axis) });
  if (asked !== undefined || intAttribute(node, 'keepdims', 1) !== 0) return pieces;
  return pieces.map((piece) => builder.op('Squeeze', [piece, builder.ints([axis])]));
}

function numberOf(node: Node, builder: GraphBuilder, index: number): number {
  const value = builder.value(node.inputs[index]);
  const stored = builder.constantOf(value);
  const known = stored === undefined ? builder.contentsOf(value)?.[0] : toNumbers(stored)[0];
  return typeof known === 'number' ? known : refuse(node, 'its index is not known before the model runs');
}

function refuse(node: Node, problem: string): never {
  throw new OnnxError(
    'onnx/unsupported',
    `${describe(node)} works on a list of tensors, and ${problem}; export the model with fixed sizes`,
  );
}
