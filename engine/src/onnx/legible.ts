/** Names and texts of a file that somebody else made, as they may be printed. */
import type { onnx } from '../../generated/onnx.js';
import { OnnxError } from './errors.js';
import { legible } from './legible-text.js';

/** Exporters make names of a few hundred characters from the path of a layer. */
const nameLengthMax = 2000;

/**
 * Looks at every name of a graph before it is printed in a table or an error, where it could move the cursor or write lines of its own.
 * @throws OnnxError `onnx/inconsistent` for names with control characters, and for those that no exporter makes
 */
export function requireLegibleNames(graph: onnx.GraphProto.$Properties): void {
  for (const value of [...(graph.input ?? []), ...(graph.output ?? [])]) {
    check('value', value.name);
    for (const { dimParam } of value.type?.tensorType?.shape?.dim ?? []) check('dimension', dimParam);
  }
  for (const { name } of graph.initializer ?? []) check('initializer', name);
  for (const node of graph.node ?? []) {
    check('node', node.name);
    check('operator', node.opType);
    check('domain', node.domain);
    for (const name of node.output ?? []) check('value', name);
    for (const { name, g } of node.attribute ?? []) {
      check('attribute', name);
      if (g) requireLegibleNames(g);
    }
  }
}

function check(what: string, name: string | null | undefined): void {
  if (!name || (name.length <= nameLengthMax && legible(name) === name)) return;
  throw new OnnxError(
    'onnx/inconsistent',
    `the ${what} ${name.slice(0, 80)} has a name of ${name.length} characters, or of such as cannot be printed; rename it and export the model again`,
  );
}
