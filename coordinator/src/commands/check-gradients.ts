/** `starling model check-gradients`. */
import { resolve } from 'node:path';
import { checkGradients, relativeErrorMax } from '@starling/engine';
import { exitCodes } from './exit-codes.js';
import { paddingRowsOf } from './padding-rows.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface CheckGradientsArguments {
  readonly folder: string;
  readonly paddingRow: readonly string[] | undefined;
  readonly json: boolean;
}

/** Gives the exit code: that of a failure where a gradient is off by more than rounding. */
export async function checkGradientsCommand(
  { folder, paddingRow, json }: CheckGradientsArguments,
  terminal: Terminal,
): Promise<number> {
  const checked = await checkGradients(resolve(folder), { paddingRows: paddingRowsOf(paddingRow) });
  const { maxRelativeError, parameters, loss, worst, missing, negligible } = checked;
  const passed = maxRelativeError <= relativeErrorMax;
  if (json) printJson(terminal, checked);
  else {
    const verdict = passed ? 'agree' : 'DISAGREE';
    printLine(
      terminal,
      `${parameters} gradients ${verdict}: the largest relative error is ${maxRelativeError.toExponential(1)} (${worst}).`,
    );
    printLine(terminal, `Loss ${loss.actual}, expected ${loss.expected}.`);
    if (negligible.length > 0) {
      printLine(terminal, `Nothing but rounding, in both: the gradients of ${negligible.join(', ')}.`);
    }
    if (missing.length > 0) printLine(terminal, `Not in the exported graph: ${missing.join(', ')}.`);
  }
  return passed ? exitCodes.done : exitCodes.failed;
}
