import type { Done, Root } from './root.js';

export function addDrift(parser: Root, done: Done): void {
  parser.command('drift', 'Tell what a model’s inputs should look like', (command) =>
    command
      .command(
        'reference <folder>',
        'Print the reference of a model from a folder of examples; it belongs beside the model as drift.json',
        (reference) =>
          reference
            .positional('folder', { type: 'string', demandOption: true, describe: 'Folder of examples' })
            .option('contract', { type: 'string', demandOption: true, describe: 'Feature contract' })
            .option('model', {
              type: 'string',
              demandOption: true,
              describe: 'ONNX model that gives the scores',
            })
            .example(
              '$0 drift reference ./digits --contract digits.json --model model.onnx > drift.json',
              'Then move it to models/NAME/VERSION',
            ),
        async (argv) => {
          const { driftReference } = await import('../drift-reference.js');
          done(await driftReference(argv.folder, argv.contract, argv.model));
        },
      )
      .demandCommand(1, 'Say what to do: reference.'),
  );
}
