/** What describes a release on a command line: the same options wherever one is made. */
import type { Argv } from 'yargs';
import { releaseNamePattern } from '../../releases/name.js';
import { UsageError } from '../explain.js';
import { isWhole, isWithin } from './root.js';

export const signingKey = {
  type: 'string',
  array: true,
  default: [] as string[],
  describe: 'File of a key that signs; the owner’s own unless told',
} as const;

const watchMinutes = 10;
const errorShareMax = 0.05;
const crashesMax = 2;

/** Defaults are told, and not set: `publish` must know which of these were given. */
const options = {
  name: { type: 'string', describe: 'Name of the release' },
  release: { type: 'number', describe: 'Its version, a whole number' },
  key: signingKey,
  run: { type: 'string', describe: 'The run that the model is from, where it does not say so itself' },
  task: {
    type: 'string',
    describe: 'The task whose recent examples devices try it on; the model’s, or that of its name',
  },
  contract: {
    type: 'string',
    describe: 'Feature contract, YAML, that devices must record by; the model’s or the task’s unless told',
  },
  report: {
    type: 'string',
    describe: 'Report of "model quantize"; what lies beside the model unless told',
  },
  delta: {
    type: 'boolean',
    defaultDescription: 'true',
    describe: 'Offer the difference to the version before where it is smaller; --no-delta for the whole only',
  },
  drift: { type: 'string', describe: 'File of its drift reference' },
  'watch-minutes': {
    type: 'number',
    defaultDescription: `${watchMinutes}`,
    describe: 'How long a device watches it before it counts as proven',
  },
  'latency-ms': { type: 'number', describe: 'Longest that 99 of 100 answers may take' },
  accuracy: {
    type: 'number',
    describe: 'Least share of recent labelled examples that it tells right, 0 to 1',
  },
  agreement: {
    type: 'number',
    describe: 'Least share of recent rows on which it agrees with what serves, 0 to 1',
  },
  errors: {
    type: 'number',
    defaultDescription: `${errorShareMax}`,
    describe: 'Share of requests that may fail in the watch, beyond the share that failed before',
  },
  crashes: {
    type: 'number',
    defaultDescription: `${crashesMax}`,
    describe: 'How often the device’s process may end unasked while it is tried or watched',
  },
  'score-drift': {
    type: 'number',
    describe: 'Largest stability index of its scores in the watch, against --drift',
  },
} as const;

export function describeRelease<T>(command: Argv<T>) {
  return command.options(options);
}

interface GivenDescription {
  readonly name?: string | undefined;
  readonly release?: number | undefined;
  readonly crashes?: number | undefined;
  readonly watchMinutes?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly accuracy?: number | undefined;
  readonly agreement?: number | undefined;
  readonly errors?: number | undefined;
  readonly scoreDrift?: number | undefined;
  readonly drift?: string | undefined;
  readonly run?: string | undefined;
  readonly task?: string | undefined;
  readonly contract?: string | undefined;
  readonly report?: string | undefined;
  readonly delta?: boolean | undefined;
}

/** For `check`: every option that is given is within its bounds. */
export function isDescription(args: GivenDescription): true {
  const { name } = args;
  if (name !== undefined && !releaseNamePattern.test(name)) {
    throw new UsageError(
      `${JSON.stringify(name.slice(0, 80))} is no name of a release.`,
      'Use 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit.',
    );
  }
  return (
    isWhole('release', args.release, 1, 2 ** 31) &&
    isWhole('crashes', args.crashes, 0, 100) &&
    isWithin('watch-minutes', args.watchMinutes, 0, 100_000) &&
    isWithin('latency-ms', args.latencyMs, 0.001, 1e9) &&
    isWithin('accuracy', args.accuracy, 0, 1) &&
    isWithin('agreement', args.agreement, 0, 1) &&
    isWithin('errors', args.errors, 0, 1) &&
    isWithin('score-drift', args.scoreDrift, 0.001, 1e9)
  );
}

/** For `check`: a release is described by its name and version and what else is given, or by none of it. */
export function isWholeOrNone(args: GivenDescription & Readonly<Record<string, unknown>>): true {
  if (args.name !== undefined && args.release !== undefined) return true;
  const given = Object.keys(options).find((option) => {
    const value = args[option];
    return value !== undefined && !(Array.isArray(value) && value.length === 0);
  });
  if (given === undefined) return true;
  throw new UsageError(
    `--${given} describes a release that is made of a model, and its ${args.name === undefined ? '--name' : '--release'} is missing.`,
    'Say --name and --release with a model; neither with what is signed already.',
  );
}

/** @returns what `release create` and `release publish` make a release of */
export function descriptionOf<T extends GivenDescription>(args: T) {
  const { run, task, drift, contract, report } = args;
  return {
    ...args,
    ...{ run, task, drift, contract, report },
    delta: args.delta ?? true,
    health: {
      watchMs: (args.watchMinutes ?? watchMinutes) * 60_000,
      latencyMsMax: args.latencyMs ?? null,
      accuracyMin: args.accuracy ?? null,
      agreementMin: args.agreement ?? null,
      errorShareMax: args.errors ?? errorShareMax,
      crashesMax: args.crashes ?? crashesMax,
      scoreDriftMax: args.scoreDrift ?? null,
    },
  };
}
