import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import { isWhole, type Root } from './root.js';

export function addModel(parser: Root, terminal: Terminal, done: (code: number) => void): void {
  parser.command('model', 'What was learned', (model) =>
    model
      .options(clientOptions(terminal))
      .command(
        'export <run>',
        'Write a checkpoint as an ONNX file that any ONNX Runtime loads',
        (command) =>
          command
            .positional('run', { type: 'string', demandOption: true, describe: 'The run' })
            .option('round', {
              type: 'number',
              describe: 'Number of committed rounds; the newest unless told',
            })
            .option('output', {
              alias: 'o',
              type: 'string',
              default: 'model.onnx',
              describe: 'File to write',
            })
            .option('force', {
              type: 'boolean',
              default: false,
              describe: 'Replace the file where it exists',
            })
            .example('$0 model export digits-1 -o digits.onnx', 'The newest checkpoint')
            .check(({ round }) => isWhole('round', round, 1, 1e6)),
        async (args) => {
          const { exportModelCommand } = await import('../model.js');
          await exportModelCommand({ ...args, runId: args.run, round: args.round }, terminal);
        },
      )
      .command(
        'check-gradients <folder>',
        "Compare a model's gradients with those that PyTorch computed",
        (command) =>
          command.positional('folder', {
            type: 'string',
            demandOption: true,
            describe: 'Folder with model.onnx, reference.json, input.bin, target.bin and gradients.f32',
          }),
        async (args) => {
          const { checkGradientsCommand } = await import('../check-gradients.js');
          done(await checkGradientsCommand(args, terminal));
        },
      )
      .command(
        'inspect <file>',
        'Say what an ONNX model consists of, and what keeps it from being trained',
        (command) =>
          command.positional('file', { type: 'string', demandOption: true, describe: 'The model' }),
        async (args) => {
          const { inspectCommand } = await import('../inspect.js');
          inspectCommand(args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with models: export, check-gradients or inspect.'),
  );
}
