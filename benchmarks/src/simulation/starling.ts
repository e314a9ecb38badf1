/**
 * Our contender, in a process of its own like its peers: prints its name, the seconds from the start of the process to the
 * end of the first round, and the seconds of every further round; then, as JSON, what it took of memory.
 * Arguments: case, clients, cohort, rounds.
 */
import { prepare, readScenario, simulateRounds } from '@starling/simulations';

const [name, ...numbers] = process.argv.slice(2);
const [clients, cohort, rounds] = numbers.map(Number);

const digits = {
  data: 'mnist',
  model: { builtin: '2nn' },
  training: { batchSize: 10, learningRate: 0.1 },
};
const regression = {
  data: { kind: 'synthetic', examples: 20, features: 20, classes: 2 },
  model: { kind: 'sequential', inputShape: [20], layers: [{ kind: 'dense', units: 2 }] },
  training: { batchSize: 10, learningRate: 0.1 },
};

const scenario = readScenario(
  {
    name: 'benchmark',
    ...(name === 'digits' ? digits : regression),
    partition: { kind: 'iid', clients },
    cohort: { size: cohort },
    // Evaluation is left out, of every contender: the last round has one and is not reported.
    evaluation: { everyRounds: rounds + 1 },
    stop: { rounds: rounds + 1 },
  },
  process.cwd(),
);
const prepared = await prepare(scenario);
const times: number[] = [];
let peakBytes = 0;
for await (const { record } of simulateRounds(prepared, { workers: 2 })) {
  times.push(performance.now());
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  if (record.round === rounds) break;
}
const seconds = times.map((time, index) => (time - (index === 0 ? 0 : times[index - 1])) / 1000);
process.stdout.write(`starling\n${seconds.join('\n')}\n${JSON.stringify({ peakBytes })}\n`);
