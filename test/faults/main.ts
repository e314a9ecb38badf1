/** `npm run faults`: the kill test for as long and with as many seeds as somebody has patience for. */
import { parseArgs } from 'node:util';
import { killCoordinator, undisturbedCheckpoints } from './coordinator-kills.js';

const help = `npm run faults -- [options]

Kills a coordinator with SIGKILL again and again while real agents learn, restarts it, and checks that the run commits
every round once, counts every update once, and ends with the very checkpoints of a run that nobody disturbed.

  --seed N    first seed; it decides where is killed (default 1)
  --seeds N   number of seeds, one after the other (default 10)
  --kills N   kills in each (default 40)
  --help      this text
`;

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number of at least 1.`);
  return value;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
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
  const [seed, seeds, kills] = (['seed', 'seeds', 'kills'] as const).map((name) =>
    numberOf(name, values[name]),
  );
  const expected = await undisturbedCheckpoints(kills);
  for (let current = seed; current < seed + seeds; current++) {
    const again = `npm run faults -- --seed ${current} --seeds 1 --kills ${kills}`;
    const notes: string[] = [];
    try {
      const { hits, checkpoints } = await killCoordinator({
        seed: current,
        kills,
        note: (text) => notes.push(text),
      });
      if (checkpoints.join() !== expected.join()) {
        throw new Error(
          `the checkpoints differ from those of the undisturbed run:\n${checkpoints.join('\n')}`,
        );
      }
      process.stdout.write(
        `seed ${current}: ${hits.length} kills, ${checkpoints.length} rounds, as undisturbed\n`,
      );
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
