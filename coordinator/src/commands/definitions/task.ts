import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import type { Root } from './root.js';

export function addTask(parser: Root, terminal: Terminal): void {
  parser.command('task', 'What is to be learned', (task) =>
    task
      .options(clientOptions(terminal))
      .command(
        'apply <file>',
        'Create a task, or a new version of it, from a YAML or JSON file',
        (command) =>
          command
            .positional('file', { type: 'string', demandOption: true, describe: 'The definition' })
            .option('key', {
              type: 'string',
              describe: 'The owner’s key, which signs the plan',
              defaultDescription: '$STARLING_KEY, or ~/.starling/owner.key, made at its first use',
            })
            .example('$0 task apply digits.yaml', 'Names every fault with its line, or the new version'),
        async (args) => {
          const { applyTask } = await import('../task.js');
          await applyTask(args.file, { ...args, key: args.key }, terminal);
        },
      )
      .command(
        'list',
        'Show all tasks',
        (command) => command.example('$0 task list --json', 'For programs'),
        async (args) => {
          const { listTasks } = await import('../task.js');
          await listTasks(args, terminal);
        },
      )
      .command(
        'show <name>',
        'Show a task as it was understood, with every default',
        (command) =>
          command
            .positional('name', { type: 'string', demandOption: true, describe: 'The task' })
            .example('$0 task show digits', 'As YAML, which "task apply" reads again'),
        async (args) => {
          const { showTask } = await import('../task.js');
          await showTask(args.name, args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with tasks: apply, list or show.'),
  );
}
