import { labelsOf } from '../data/examples.js';
import { fleetClients } from '../data/fleet.js';
import { openData } from '../data/open.js';
import { SimulationError } from '../errors.js';
import { clientIndices } from '../partitions/index.js';
import { readScenarioFile } from './run.js';
import { printLine, type Terminal } from './terminal.js';

export interface PartitionArguments {
  readonly scenario: string;
  /** Most clients that are drawn. */
  readonly clients: number;
  readonly json: boolean;
}

const shades = [' ', '░', '▒', '▓', '█'];

/** A picture of who holds what: a row a client, a column a class, darker where it holds more. */
export async function partitionCommand(args: PartitionArguments, terminal: Terminal): Promise<void> {
  if (!(Number.isInteger(args.clients) && args.clients >= 0)) {
    throw new SimulationError('simulation/usage', '--clients must be a whole number, for instance 40.');
  }
  const { scenario, lineOf } = await readScenarioFile(args.scenario);
  const { fleet, classes } = await openData(scenario, lineOf);
  if (fleet.kind === 'synthetic') {
    throw new SimulationError(
      'simulation/usage',
      'Synthetic clients make their examples themselves; there is no partition to show.',
    );
  }
  const { examples, partition } = fleet;
  const labels = labelsOf(examples);
  const rows = Array.from({ length: fleetClients(fleet) }, (_, client) => {
    const own = clientIndices(partition, client);
    const counts = Array<number>(classes).fill(0);
    if (labels !== undefined) for (const index of own) counts[labels[index]] += 1;
    return { client, examples: own.length, counts };
  });
  if (args.json) {
    for (const row of rows) printLine(terminal, JSON.stringify(row));
    return;
  }
  const sizes = rows.map((row) => row.examples).sort((a, b) => a - b);
  const held = rows.map(({ counts }) => counts.filter((count) => count > 0).length);
  const mean = held.reduce((sum, count) => sum + count, 0) / held.length;
  printLine(
    terminal,
    `${rows.length} clients hold ${sizes[0]} to ${sizes.at(-1)} examples (median ${sizes[sizes.length >> 1]})` +
      (classes === 0 ? '' : `, ${mean.toFixed(1)} of ${classes} classes each on average`),
  );
  const most = Math.max(1, ...rows.flatMap(({ counts }) => counts));
  const width = sizes.at(-1) ?? 1;
  if (classes > 0)
    printLine(
      terminal,
      `client ${Array.from({ length: classes }, (_, label) => `${label % 10} `).join('')} examples`,
    );
  for (const row of rows.slice(0, args.clients)) {
    const cells = row.counts.map((count) =>
      shades[Math.ceil((count / most) * (shades.length - 1))].repeat(2),
    );
    const bar = '■'.repeat(Math.max(1, Math.round((20 * row.examples) / width)));
    printLine(
      terminal,
      `${`${row.client}`.padStart(6)} ${cells.join('')} ${`${row.examples}`.padStart(6)} ${bar}`,
    );
  }
  if (rows.length > args.clients) {
    printLine(terminal, `… and ${rows.length - args.clients} more: --clients ${rows.length} shows all`);
  }
}
