import { type ClientArguments, clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import { isWhole, isWithin, type Root } from './root.js';

export function addRelease(parser: Root, terminal: Terminal): void {
  const key = {
    type: 'string',
    array: true,
    default: [] as string[],
    describe: 'File of a key that signs; the owner’s own unless told',
  } as const;
  const publicKeys = { type: 'string', array: true, default: [] as string[] } as const;
  const output = {
    type: 'string',
    describe: 'Write the file here for others to sign, instead of publishing it',
  } as const;
  const file = {
    type: 'string',
    demandOption: true,
    describe: 'Root or targets that --output wrote',
  } as const;
  const name = { type: 'string', demandOption: true, describe: 'Name of the release' } as const;
  const release = { type: 'number', demandOption: true, describe: 'Its version, a whole number' } as const;

  parser.command('release', 'Model versions for devices to serve, signed', (command) =>
    command
      .options(clientOptions(terminal))
      .command(
        'init',
        'Make the root that devices believe',
        (init) =>
          init
            .option('key', key)
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
        'publish <model>',
        'Release a model',
        (publish) =>
          publish
            .positional('model', { type: 'string', demandOption: true, describe: 'ONNX file' })
            .option('name', name)
            .option('release', release)
            .option('key', key)
            .option('run', {
              type: 'string',
              describe: 'The run that the model is from, where it does not say so itself',
            })
            .option('task', {
              type: 'string',
              describe: 'The task whose recent examples devices try it on; the model’s, or that of its name',
            })
            .option('contract', {
              type: 'string',
              describe:
                'Feature contract, YAML, that devices must record by; the model’s or the task’s unless told',
            })
            .option('report', {
              type: 'string',
              describe: 'Report of "model quantize"; what lies beside the model unless told',
            })
            .option('output', output)
            .option('delta', {
              type: 'boolean',
              default: true,
              describe:
                'Offer the difference to the version before where it is smaller; --no-delta for the whole only',
            })
            .option('drift', { type: 'string', describe: 'File of its drift reference' })
            .option('watch-minutes', {
              type: 'number',
              default: 10,
              describe: 'How long a device watches it before it counts as proven',
            })
            .option('latency-ms', { type: 'number', describe: 'Longest that 99 of 100 answers may take' })
            .option('accuracy', {
              type: 'number',
              describe: 'Least share of recent labelled examples that it tells right, 0 to 1',
            })
            .option('agreement', {
              type: 'number',
              describe: 'Least share of recent rows on which it agrees with what serves, 0 to 1',
            })
            .option('errors', {
              type: 'number',
              default: 0.05,
              describe: 'Share of requests that may fail in the watch, beyond the share that failed before',
            })
            .option('crashes', {
              type: 'number',
              default: 2,
              describe: 'How often the device’s process may end unasked while it is tried or watched',
            })
            .option('score-drift', {
              type: 'number',
              describe: 'Largest stability index of its scores in the watch, against --drift',
            })
            .example('$0 release publish pump.int8.onnx --name pump --release 3', 'The next version of pump')
            .example(
              '$0 release publish pump.int8.onnx --name pump --release 3 --accuracy 0.9 --latency-ms 5',
              'No device keeps it where it is worse or slower',
            )
            .check(
              (args) =>
                isWhole('release', args.release, 1, 2 ** 31) &&
                isWhole('crashes', args.crashes, 0, 100) &&
                isWithin('watch-minutes', args['watch-minutes'], 0, 100_000) &&
                isWithin('latency-ms', args['latency-ms'], 0.001, 1e9) &&
                isWithin('accuracy', args.accuracy, 0, 1) &&
                isWithin('agreement', args.agreement, 0, 1) &&
                isWithin('errors', args.errors, 0, 1) &&
                isWithin('score-drift', args['score-drift'], 0.001, 1e9),
            ),
        async (args) => {
          const { publishRelease } = await import('../release-publish.js');
          const { run, task, drift, contract, report, output } = args;
          const health = {
            watchMs: args.watchMinutes * 60_000,
            latencyMsMax: args.latencyMs ?? null,
            accuracyMin: args.accuracy ?? null,
            agreementMin: args.agreement ?? null,
            errorShareMax: args.errors,
            crashesMax: args.crashes,
            scoreDriftMax: args.scoreDrift ?? null,
          };
          await publishRelease({ ...args, run, task, drift, contract, report, output, health }, terminal);
        },
      )
      .command(
        'root',
        'Change who signs releases: the root that follows',
        (root) =>
          root
            .option('key', key)
            .option('add-key', { ...publicKeys, describe: 'Public key that signs from now on' })
            .option('remove-key', { ...publicKeys, describe: 'Public key that counts no more' })
            .option('threshold', { type: 'number', describe: 'Keys that must sign; as before unless told' })
            .option('output', output)
            .example(
              '$0 release root --add-key PUBLIC --remove-key PUBLIC --output root.json',
              'Then "sign", "submit"',
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
            .option('key', key)
            .option('output', output)
            .example('$0 release renew --key a.key --key b.key', 'Before "root" takes a away'),
        async (args) => {
          const { renewTargets } = await import('../release-signing.js');
          await renewTargets({ ...args, output: args.output }, terminal);
        },
      )
      .command(
        'sign <file>',
        'Add signatures to a root or to targets; needs no coordinator',
        (sign) =>
          sign
            .positional('file', file)
            .option('key', key)
            .example('$0 release sign targets.json --key b.key', 'The second of two people'),
        async (args) => {
          const { signReleaseFile } = await import('../release-signing.js');
          await signReleaseFile(args, terminal);
        },
      )
      .command(
        'submit <file>',
        'Publish a root or targets that enough people have signed',
        (submit) =>
          submit.positional('file', file).example('$0 release submit targets.json', 'For devices to see'),
        async (args) => {
          const { submitReleaseFile } = await import('../release-signing.js');
          await submitReleaseFile(args, terminal);
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
      .demandCommand(1, 'Say what to do with releases: init, publish, renew, root, sign, submit or status.'),
  );

  parser.command('rollout', 'Bring a release to the fleet in stages', (command) => {
    const control = async (
      action: 'pause' | 'resume' | 'abort',
      args: ClientArguments & { readonly name: string },
    ): Promise<void> => {
      const { controlRollout } = await import('../rollout.js');
      await controlRollout(action, args, terminal);
    };
    return command
      .options(clientOptions(terminal))
      .command(
        'start <name> <release>',
        'Start bringing a version to devices',
        (start) =>
          start
            .positional('name', name)
            .positional('release', release)
            .option('stages', {
              type: 'string',
              default: '5,25,100',
              describe: 'Percentages of the fleet, and labels',
            })
            .option('proven', {
              type: 'number',
              default: 80,
              describe: 'Of the devices that have it, percent that must have proven it before the next stage',
            })
            .option('failures', { type: 'number', default: 1, describe: 'Devices on which it may fail' })
            .example('$0 rollout start pump 3 --stages 1,10,100', 'A canary first')
            .example('$0 rollout start pump 3 --stages site=hall-1,100', 'The devices with a label first'),
        async (args) => {
          const { startRollout } = await import('../rollout.js');
          await startRollout(args, terminal);
        },
      )
      .command(
        'pause <name>',
        'Add no devices for now',
        (pause) =>
          pause
            .positional('name', name)
            .example('$0 rollout pause pumps', 'Devices that have the version keep it'),
        (args) => control('pause', args),
      )
      .command(
        'resume <name>',
        'Go on',
        (resume) =>
          resume
            .positional('name', name)
            .example('$0 rollout resume pumps', 'Goes on at the stage it had reached'),
        (args) => control('resume', args),
      )
      .command(
        'abort <name>',
        'End it; devices go back to the version before',
        (abort) =>
          abort.positional('name', name).example('$0 rollout abort pumps', 'Devices of all stages go back'),
        (args) => control('abort', args),
      )
      .demandCommand(1, 'Say what to do with a rollout: start, pause, resume or abort.');
  });
}
