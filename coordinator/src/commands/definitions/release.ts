import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import {
  describeRelease,
  descriptionOf,
  isDescription,
  isWholeOrNone,
  signingKey,
} from './release-description.js';
import { isWhole, type Root } from './root.js';

export function addRelease(parser: Root, terminal: Terminal): void {
  const publicKeys = { type: 'string', array: true, default: [] as string[] } as const;
  const output = {
    alias: 'o',
    type: 'string',
    describe: 'Write the file here for others to sign, instead of publishing it',
  } as const;
  const file = {
    type: 'string',
    demandOption: true,
    describe: 'Release, root or targets that --output wrote',
  } as const;

  parser.command('release', 'Model versions for devices to serve, signed', (command) =>
    command
      .options(clientOptions(terminal))
      .command(
        'init',
        'Make the root that devices believe',
        (init) =>
          init
            .option('key', signingKey)
            .option('threshold', { type: 'number', default: 1, describe: 'Keys that must sign' })
            .option('public-key', {
              ...publicKeys,
              describe: 'Key of somebody who signs elsewhere, as "starling key show" prints it',
            })
            .option('output', output)
            .example(
              '$0 release init --key a.key --key b.key --key c.key --threshold 2',
              'Two of three people',
            )
            .check(({ threshold }) => isWhole('threshold', threshold, 1, 64)),
        async (args) => {
          const { initReleases } = await import('../release-init.js');
          await initReleases({ ...args, output: args.output }, terminal);
        },
      )
      .command(
        'create <model>',
        'Make a release of a model, signed, in a file: for others to sign, and to publish',
        (create) =>
          describeRelease(
            create
              .positional('model', { type: 'string', demandOption: true, describe: 'ONNX file' })
              .option('output', {
                alias: 'o',
                type: 'string',
                demandOption: true,
                describe: 'File to write, a tar of the signed metadata and what it names',
              }),
          )
            .demandOption(['name', 'release'])
            .example(
              '$0 release create pump.int8.onnx --name pump --release 3 -o pump-3.tar',
              'Then "sign", "publish"',
            )
            .check(isDescription),
        async (args) => {
          const { createRelease } = await import('../release-create.js');
          await createRelease(descriptionOf(args), terminal);
        },
      )
      .command(
        'sign <file>',
        'Add signatures to a release, a root or targets; needs no coordinator',
        (sign) =>
          sign
            .positional('file', file)
            .option('key', signingKey)
            .example('$0 release sign pump-3.tar --key b.key', 'The second of two people'),
        async (args) => {
          const { signReleaseFile } = await import('../release-signing.js');
          await signReleaseFile(args, terminal);
        },
      )
      .command(
        'publish <file>',
        'Publish what "create", "init", "root" or "renew" wrote, once enough people have signed it; or a model at once',
        (publish) =>
          describeRelease(
            publish.positional('file', {
              type: 'string',
              demandOption: true,
              describe: 'What --output wrote; or an ONNX file, with --name and --release',
            }),
          )
            .example('$0 release publish pump-3.tar', 'Made before, and signed by enough people')
            .example(
              '$0 release publish pump.int8.onnx --name pump --release 3',
              'Made, signed and published',
            )
            .example(
              '$0 release publish pump.int8.onnx --name pump --release 3 --accuracy 0.9 --latency-ms 5',
              'No device keeps it where it is worse or slower',
            )
            .check((args) => isDescription(args) && isWholeOrNone(args)),
        async (args) => {
          const { publishModel, publishSigned } = await import('../release-publish.js');
          const { name, release, file } = args;
          if (name === undefined || release === undefined) return publishSigned(args, terminal);
          const described = descriptionOf({ ...args, name, release, model: file });
          return publishModel({ ...args, ...described }, terminal);
        },
      )
      .command(
        'root',
        'Change who signs releases: the root that follows',
        (root) =>
          root
            .option('key', signingKey)
            .option('add-key', { ...publicKeys, describe: 'Public key that signs from now on' })
            .option('remove-key', { ...publicKeys, describe: 'Public key that counts no more' })
            .option('threshold', { type: 'number', describe: 'Keys that must sign; as before unless told' })
            .option('output', output)
            .example(
              '$0 release root --add-key PUBLIC --remove-key PUBLIC --output root.json',
              'Then "sign", "publish"',
            )
            .example('$0 release root', 'Another year for the same keys')
            .check(({ threshold }) => isWhole('threshold', threshold, 1, 64)),
        async (args) => {
          const { nextRoot } = await import('../release-signing.js');
          await nextRoot({ ...args, threshold: args.threshold, output: args.output }, terminal);
        },
      )
      .command(
        'renew',
        'Sign what is released anew, for another half year or with further keys',
        (renew) =>
          renew
            .option('key', signingKey)
            .option('output', output)
            .example('$0 release renew --key a.key --key b.key', 'Before "root" takes a away'),
        async (args) => {
          const { renewTargets } = await import('../release-signing.js');
          await renewTargets({ ...args, output: args.output }, terminal);
        },
      )
      .command(
        'status',
        'Show what is released, and how rollouts do',
        (status) => status.example('$0 release status --json', 'With what every device reported'),
        async (args) => {
          const { showReleases } = await import('../release-status.js');
          await showReleases(args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with releases: init, create, sign, publish, renew, root or status.'),
  );
}
