/** `npm run faults`: the kill tests for as long and with as many seeds as somebody has patience for. */
import { parseArgs } from 'node:util';
import { killCoordinator, undisturbedCheckpoints } from './coordinator-kills.js';
import { killDevice } from './release-kills.js';
import { checkNumbers, killTelemetry } from './telemetry-kills.js';

const help = `npm run faults -- [options]

Kills a coordinator with SIGKILL again and again while real agents learn, restarts it, and checks that the run commits
every round once, counts every update once, and ends with the very checkpoints of a run that nobody disturbed.

  --telemetry   instead: a device writes records while it, a Mosquitto and the coordinator are killed and connections
                break; every record must be in the coordinator's store once
  --records N   with --telemetry, records of the device (default 200000)
  --releases    instead: a device changes its release again and again and is killed once in each change; it must always
                serve a release that is signed, and end on the right one
  --seed N      first seed; it decides where is killed (default 1)
  --seeds N     number of seeds, one after the other (default 10)
  --kills N     kills in each (default 40)
  --help        this text
`;

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number of at least 1.`);
  return value;
}

/** One seed; gives what it came to, or throws. */
type Hunt = (seed: number, kills: number, note: (text: string) => void) => Promise<string>;

async function huntRounds(kills: number): Promise<Hunt> {
  const expected = await undisturbedCheckpoints(kills);
  return async (seed, _kills, note) => {
    const { hits, checkpoints } = await killCoordinator({ seed, kills, note });
    if (checkpoints.join() !== expected.join()) {
      throw new Error(`the checkpoints differ from those of the undisturbed run:\n${checkpoints.join('\n')}`);
    }
    return `${hits.length} kills, ${checkpoints.length} rounds, as undisturbed`;
  };
}

function huntTelemetry(records: number): Hunt {
  return async (seed, kills, note) => {
    const options = { seed, records, kills, note, budgetBytes: 256 << 20, recordsPerWrite: 50 };
    const outcome = await killTelemetry({ ...options, broker: 'mosquitto' });
    const lost = checkNumbers(outcome, records);
    if (lost > 0) throw new Error(`${lost} records were given up within the budget`);
    const counts = Object.entries(outcome.kills).map(([name, count]) => `${name} ${count}`);
    return `${kills} kills (${counts.join(', ')}), ${outcome.held.size} records, each once`;
  };
}

async function huntReleases(seed: number, kills: number, note: (text: string) => void): Promise<string> {
  const { stages, updates } = await killDevice({ seed, kills, note });
  const counts = Object.entries(stages).map(([stage, count]) => `${stage} ${count}`);
  return `${kills} kills (${counts.join(', ')}), ${updates} updates, each on the right release`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      telemetry: { type: 'boolean', default: false },
      releases: { type: 'boolean', default: false },
      records: { type: 'string', default: '200000' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '10' },
      kills: { type: 'string', default: '40' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [seed, seeds, kills, records] = (['seed', 'seeds', 'kills', 'records'] as const).map((name) =>
    numberOf(name, values[name]),
  );
  const other = values.telemetry ? huntTelemetry(records) : values.releases ? huntReleases : undefined;
  const hunt = other ?? (await huntRounds(kills));
  const named = values.releases ? '--releases ' : '';
  const kind = values.telemetry ? `--telemetry --records ${records} ` : named;
  for (let current = seed; current < seed + seeds; current++) {
    const again = `npm run faults -- ${kind}--seed ${current} --seeds 1 --kills ${kills}`;
    const notes: string[] = [];
    try {
      process.stdout.write(`seed ${current}: ${await hunt(current, kills, (text) => notes.push(text))}\n`);
    } catch (error) {
      process.stdout.write(`${notes.join('\n')}\nseed ${current} failed; to see it again: ${again}\n`);
      throw error;
    }
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
