/**
 * Attributes of nodes: makers that say the kind (`int(1)` and `float(1)` differ on the wire), and readers
 * that give the default of the operator's definition where the attribute is absent.
 */
import { OnnxError } from './errors.js';
import type { Attribute, Graph, Node, Tensor } from './graph.js';

/** Whole numbers up to 2^53. */
export const int = (value: number): Attribute => ({ kind: 'int', value });
/** A float32. */
export const float = (value: number): Attribute => ({ kind: 'float', value });
/** UTF-8. */
export const string = (value: string): Attribute => ({ kind: 'string', value });
/** A list of whole numbers, such as axes. */
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const floats = (value: readonly number[]): Attribute => ({ kind: 'floats', value });
export const strings = (value: readonly string[]): Attribute => ({ kind: 'strings', value });
export const tensorAttribute = (value: Tensor): Attribute => ({ kind: 'tensor', value });
export const graphAttribute = (value: Graph): Attribute => ({ kind: 'graph', value });

type Kind = Attribute['kind'];
type OfKind<K extends Kind> = Extract<Attribute, { kind: K }>;

function isOfKind<K extends Kind>(attribute: Attribute, kind: K): attribute is OfKind<K> {
  return attribute.kind === kind;
}

function find<K extends Kind>(node: Node, name: string, kind: K): OfKind<K> | undefined {
  const attribute = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
  if (attribute === undefined || isOfKind(attribute, kind)) return attribute;
  throw new OnnxError(
    'onnx/inconsistent',
    `${describe(node)}: attribute ${name} is of kind ${attribute.kind}, the operator wants ${kind}; export the model again`,
  );
}

export function intAttribute(node: Node, name: string, absent: number): number {
  return find(node, name, 'int')?.value ?? absent;
}

export function floatAttribute(node: Node, name: string, absent: number): number {
  return find(node, name, 'float')?.value ?? absent;
}

export function stringAttribute(node: Node, name: string, absent: string): string {
  return find(node, name, 'string')?.value ?? absent;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  return find(node, name, 'ints')?.value;
}

export function tensorOfAttribute(node: Node, name: string): Tensor | undefined {
  return find(node, name, 'tensor')?.value;
}

export function graphOfAttribute(node: Node, name: string): Graph {
  const graph = find(node, name, 'graph')?.value;
  if (graph === undefined) {
    throw new OnnxError(
      'onnx/inconsistent',
      `${describe(node)} needs the graph ${name}; export the model again`,
    );
  }
  return graph;
}

/** How errors name a node. */
export function describe(node: Node): string {
  return `node ${node.name === '' ? `that gives ${node.outputs.join(', ')}` : node.name} (${node.domain === '' ? '' : `${node.domain}.`}${node.opType})`;
}
