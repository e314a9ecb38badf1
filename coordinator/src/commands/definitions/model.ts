import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import { isWhole, isWithin, type Root } from './root.js';

/** As the engine knows them; loading it here would slow every other command. */
const batchNormModes = ['frozen', 'averaged', 'local'] as const;

const paddingRow = {
  type: 'string',
  array: true,
  describe:
    'WEIGHT=ROW of an embedding: the row that pads and learns nothing from it, padding_idx in PyTorch',
} as const;

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
          command
            .positional('folder', {
              type: 'string',
              demandOption: true,
              describe: 'Folder with model.onnx, reference.json, input.bin, target.bin and gradients.f32',
            })
            .option('padding-row', paddingRow)
            .example('$0 model check-gradients flowers', 'Fails above 1e-4 of a gradient’s norm')
            .example(
              '$0 model check-gradients words --padding-row embedding.weight=0',
              'Of a model whose embedding has a padding_idx',
            ),
        async (args) => {
          const { checkGradientsCommand } = await import('../check-gradients.js');
          done(await checkGradientsCommand(args, terminal));
        },
      )
      .command(
        'import <file>',
        'Check an ONNX model, and write it with a task that trains it',
        (command) =>
          command
            .positional('file', { type: 'string', demandOption: true, describe: 'The model' })
            .option('name', { type: 'string', describe: "The task's name; the file's unless told" })
            .option('output', { alias: 'o', type: 'string', default: '.', describe: 'Folder to write to' })
            .option('value', {
              type: 'string',
              describe: 'Value of the model to train, by name; its first output unless told',
            })
            .option('trainable', {
              type: 'string',
              array: true,
              describe: 'Patterns of the parameters to train; all unless told',
            })
            .option('head', { type: 'number', describe: 'Outputs of a fresh last layer' })
            .option('lora-targets', {
              type: 'string',
              array: true,
              describe: 'Patterns of the weights that get adapters',
            })
            .option('lora-rank', { type: 'number', describe: 'Rank of the adapters; 4 unless told' })
            .option('lora-alpha', {
              type: 'number',
              describe: 'Their scale times the rank; 8 unless told',
            })
            .option('batch-norm', {
              choices: batchNormModes,
              describe: 'What becomes of the statistics of batch normalisation; frozen unless told',
            })
            .option('dropout', {
              type: 'number',
              describe: 'Share that the dropout layers of the model drop',
            })
            .option('dropout-before', {
              type: 'string',
              array: true,
              describe:
                'Patterns of the weights before whose layers a dropout is put, where the file has none',
            })
            .option('padding-row', paddingRow)
            .option('force', { type: 'boolean', default: false, describe: 'Replace files that exist' })
            .example('$0 model import flowers.onnx --head 5', 'Writes flowers.yaml, for five classes')
            .example('$0 model import big.onnx -o tasks --lora-targets "*attn*"', 'Trains adapters alone')
            .check(({ head }) => isWhole('head', head, 1, 1e6)),
        async (args) => {
          const { importModelCommand } = await import('../import-model.js');
          done(await importModelCommand(args, terminal));
        },
      )
      .command(
        'inspect <file>',
        'Say what an ONNX model consists of, and what keeps it from being trained',
        (command) =>
          command
            .positional('file', { type: 'string', demandOption: true, describe: 'The model' })
            .example(
              '$0 model inspect flowers.onnx',
              'Inputs, parameters and operators; what has no gradient',
            ),
        async (args) => {
          const { inspectCommand } = await import('../inspect.js');
          inspectCommand(args, terminal);
        },
      )
      .command(
        'quantize <model>',
        'Make a model smaller and faster for devices, and say what that is worth',
        (command) =>
          command
            .positional('model', { type: 'string', demandOption: true, describe: 'An ONNX file, or a run' })
            .options(quantizeOptions)
            .example(
              '$0 model quantize digits.onnx --examples held-out',
              'Of a model that "model export" wrote',
            )
            .example(
              '$0 model quantize flowers.onnx --contract flowers.yaml --examples held-out --method mixed',
              'Of any model; layers that cost too much accuracy stay as they are',
            )
            .check(
              ({ round, threads, sparsity, percentile, ...others }) =>
                isWhole('round', round, 1, 1e6) &&
                isWhole('threads', threads, 1, 1024) &&
                isWhole('values-max', others['values-max'], 1, 1e9) &&
                isWithin('accuracy-drop', others['accuracy-drop'], 0, 1e9) &&
                isWithin('sparsity', sparsity, 0, 0.999) &&
                isWithin('percentile', percentile, 50, 100),
            ),
        async (args) => {
          const { quantizeCommand } = await import('../quantize.js');
          const weightBits = args.weightBits === 7 ? 7 : 8;
          const { round, examples, contract, sparsity, ranges, epsilon, key } = args;
          await quantizeCommand(
            { ...args, round, examples, contract, sparsity, ranges, weightBits, epsilon, key },
            terminal,
          );
        },
      )
      .demandCommand(1, 'Say what to do with models: import, inspect, check-gradients, quantize or export.'),
  );
}

/** Of `model quantize`. */
const quantizeOptions = {
  federated: {
    type: 'boolean',
    default: false,
    describe: 'Of a run: ranges from the examples of its devices, as sums of histograms',
  },
  'values-max': { type: 'number', default: 256, describe: 'With --federated: most examples of one device' },
  epsilon: {
    type: 'number',
    describe: 'With --federated: what the answer may spend of the task’s privacy budget, where it has one',
  },
  key: {
    type: 'string',
    describe: 'With --federated: the key of the task’s owner',
    defaultDescription: '$STARLING_KEY, or ~/.starling/owner.key',
  },
  examples: {
    type: 'string',
    describe: 'Folder with examples: some give the ranges of activations, the others are compared on',
  },
  contract: {
    type: 'string',
    describe: 'File with the feature contract of the examples, such as the task',
    defaultDescription: 'what the model says, where it was exported from a run',
  },
  method: {
    choices: ['static', 'dynamic', 'weights4', 'mixed'],
    default: 'static',
    describe:
      'static: all int8; dynamic: products of matrices int8, no ranges; weights4: large matrices in 4 bits; mixed: int8 but for the layers that the bound does not allow',
  },
  ranges: {
    choices: ['minmax', 'percentile', 'entropy'],
    describe: 'How the ranges of activations are chosen',
    defaultDescription: 'those it was trained with, or minmax',
  },
  percentile: {
    type: 'number',
    default: 99.999,
    describe: 'Share of the values that --ranges percentile keeps',
  },
  'accuracy-drop': {
    type: 'number',
    default: 0.5,
    describe: 'Most points of accuracy that may be lost; of the error, where targets are numbers',
  },
  sparsity: { type: 'number', describe: 'Share of the weights that are set to zero first' },
  'weight-bits': {
    choices: [7, 8],
    default: 8,
    describe: '7 for x86 processors without VNNI, whose 8-bit products saturate',
  },
  threads: { type: 'number', default: 1, describe: 'Threads that latency is measured with' },
  round: { type: 'number', describe: 'Of a run: number of committed rounds' },
  output: { alias: 'o', type: 'string', default: 'model.int8.onnx', describe: 'File to write' },
  force: { type: 'boolean', default: false, describe: 'Replace the file where it exists' },
} as const;
