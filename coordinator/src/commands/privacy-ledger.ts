/** `starling privacy ledger TASK`. */
import { type ClientArguments, withCoordinator } from './connection.js';
import { formatEpsilon, formatTable, formatTime } from './format.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export async function showLedger(task: string, args: ClientArguments, terminal: Terminal) {
  await withCoordinator(args, terminal, async ({ operations }) => {
    const ledger = await operations.getPrivacyLedger({ taskName: task }, { signal: terminal.signal });
    const { epsilon, epsilonBudget, delta, accountant, entries } = ledger;
    const left = Math.max(0, epsilonBudget - epsilon);
    if (args.json) {
      return printJson(terminal, {
        task,
        epsilon,
        epsilonBudget,
        epsilonLeft: left,
        delta,
        accountant,
        entries: entries.map(({ mechanismJson, ...entry }) => ({
          ...entry,
          mechanism: JSON.parse(mechanismJson) as unknown,
        })),
      });
    }
    printLine(
      terminal,
      `Task ${task} has spent ε = ${formatEpsilon(epsilon)} of ${epsilonBudget} (δ = ${delta}, by ${accountant}); ${left.toFixed(3)} is left.`,
    );
    const rows = entries.map(({ attemptId, atMs, epsilon: after }) => [
      attemptId,
      formatTime(atMs),
      formatEpsilon(after),
    ]);
    printLine(terminal, formatTable(['RUN/ROUND/ATTEMPT', 'PAID (UTC)', 'ε AFTERWARDS'], rows));
  });
}
