import type { Terminal } from '../terminal.js';
import type { Done, Root } from './root.js';

/** What reaches 0.95 test accuracy with shards, and 0.97 IID, with rounds to spare. */
const demoRounds = { shards: 40, iid: 15, private: 20 };

/** Under privacy a device hides among the others: more of them, each with all digits, leave something to learn. */
const demoAgents = { open: 10, private: 30 };

export function addDemo(parser: Root, terminal: Terminal, done: Done): void {
  parser.command(
    'demo',
    'Learn MNIST with a coordinator and agents on this machine, each a process of its own',
    (command) =>
      command
        .option('agents', {
          type: 'number',
          describe: `Number of agents; ${demoAgents.open}, with --epsilon ${demoAgents.private}`,
        })
        .option('rounds', {
          type: 'number',
          describe: `Number of rounds; ${demoRounds.shards}, with --iid ${demoRounds.iid}, with --epsilon at most ${demoRounds.private}`,
        })
        .option('iid', {
          type: 'boolean',
          describe: 'A sample of all digits each, not two shards; with --epsilon unless --no-iid',
        })
        .option('seed', { type: 'number', default: 1, describe: 'Decides split, parameters and training' })
        .option('strategy', {
          type: 'string',
          describe: 'fedavg, fedprox, fedavgm, fedadagrad, fedadam or fedyogi',
        })
        .option('encoding', {
          choices: ['float32', 'stochastic-quantization'] as const,
          default: 'float32' as const,
          describe: 'How updates travel without secure aggregation',
        })
        .option('secure-aggregation', {
          type: 'boolean',
          default: true,
          describe: 'The coordinator sees nothing but sums; --no-secure-aggregation turns it off',
        })
        .option('bits', { type: 'number', default: 8, describe: 'Bits of an element of a masked update' })
        .option('rotation', {
          type: 'boolean',
          default: true,
          describe: 'Spread masked updates before they are rounded; --no-rotation turns it off',
        })
        .option('target-accuracy', { type: 'number', describe: 'Stop early at this test accuracy' })
        .option('epsilon', {
          type: 'number',
          describe: 'Learn with differential privacy for each agent, and spend at most this ε',
        })
        .option('distributed', {
          type: 'boolean',
          default: false,
          describe: 'With --epsilon: every agent adds its part of the noise, under masks',
        })
        .option('folder', { type: 'string', describe: 'Folder to work in, which is kept' })
        .option('keep', { type: 'boolean', default: false, describe: 'Keep the temporary folder' })
        .option('agent', {
          type: 'string',
          describe: 'The agent’s main.js, where it is not installed beside',
        })
        .example('$0 demo', 'Ten agents with two classes each')
        .example('$0 demo --agents 4 --iid --rounds 5', 'Quick')
        .example('$0 demo --epsilon 8', 'What no agent can be recognised by')
        .example('$0 demo --epsilon 8 --distributed', 'The same, without trusting the coordinator with it')
        .example('$0 demo --json', 'The result as one JSON object, the last line'),
    async (args) => {
      const { runDemo } = await import('../../demo/index.js');
      const { strategy, targetAccuracy, folder, agent } = args;
      const { epsilon } = args;
      const iid = args.iid ?? epsilon !== undefined;
      const agents = args.agents ?? (epsilon === undefined ? demoAgents.open : demoAgents.private);
      const usual = iid ? demoRounds.iid : demoRounds.shards;
      const rounds = args.rounds ?? (epsilon === undefined ? usual : demoRounds.private);
      const chosen = { ...args, agents, iid, rounds, strategy, targetAccuracy, epsilon, folder, agent };
      done(await runDemo(chosen, terminal));
    },
  );
}
