/** `starling model inspect`. */
import { resolve } from 'node:path';
import { type InspectedModel, inspectModel } from '@starling/engine';
import Table from 'cli-table3';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface InspectArguments {
  readonly file: string;
  readonly json: boolean;
}

/** A line for each node that holds parameters, in the order in which they are computed. */
export function printLayers(layers: InspectedModel['layers'], terminal: Terminal): void {
  for (const { name, opType, parameters, outputShape } of layers) {
    printLine(terminal, `  ${opType} ${name} [${outputShape.join(', ')}]: ${parameters.join(', ')}`);
  }
}

/** Parameters that the file does not have as such. */
export function printMissing(missing: InspectedModel['missing'], terminal: Terminal): void {
  if (missing.length === 0) return;
  printLine(
    terminal,
    `Not in the file under their names: ${missing.join(', ')}. The exporter made other tensors of them, which may count as constants, or left them out; torch.onnx.export(..., dynamo=True, optimize=False) keeps them.`,
  );
}

export function inspectCommand({ file, json }: InspectArguments, terminal: Terminal): void {
  const inspected = inspectModel(resolve(file));
  if (json) {
    printJson(terminal, inspected);
    return;
  }
  const { opset, inputs, outputs, layers, parameters, parameterCount, operators, missing, obstacles } =
    inspected;
  const values = (list: typeof inputs) =>
    list.map(({ name, dataType, shape }) => `${name} ${dataType} [${shape.join(', ')}]`).join('; ');
  printLine(terminal, `Opset ${opset}. Inputs: ${values(inputs)}. Outputs: ${values(outputs)}.`);
  printLayers(layers, terminal);
  const table = new Table({ head: ['Parameter', 'Shape', 'Used by'], style: { head: [], border: [] } });
  for (const { name, shape, usedBy } of parameters) table.push([name, `[${shape}]`, usedBy]);
  printLine(terminal, table.toString());
  const counted = operators.map(({ opType, count }) => `${opType} ${count}`).join(', ');
  printLine(terminal, `${parameterCount} parameters that can be trained. Operators: ${counted}.`);
  printMissing(missing, terminal);
  for (const { message } of obstacles) printLine(terminal, `Obstacle: ${message}`);
  if (obstacles.length === 0) printLine(terminal, 'Every operator has a gradient rule.');
}
