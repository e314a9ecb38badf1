/** `starling privacy epsilon` and `starling privacy calibrate`. */
import {
  type Accountant,
  calibrate,
  epsilonSpent,
  type PrivacyMechanism,
  privacyWarnings,
  type SamplingScheme,
} from '@starling/federation';
import { UsageError } from './explain.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

interface PrivacyArguments {
  readonly json: boolean;
  readonly mechanism: PrivacyMechanism['kind'];
  readonly sampling: number;
  readonly scheme: SamplingScheme;
  readonly rounds: number;
  readonly delta: number;
  readonly accountant: Accountant;
  readonly l2?: number | undefined;
  readonly l1?: number | undefined;
  readonly dimension?: number | undefined;
  readonly devices: number;
}

export function showEpsilon(args: PrivacyArguments & { readonly noise: number }, terminal: Terminal): void {
  const { noise, rounds, delta, accountant } = args;
  const epsilon = epsilonSpent(accountant, [{ mechanism: mechanismOf(args, noise), rounds }], delta);
  if (!Number.isFinite(epsilon)) {
    throw new UsageError(
      `The ${accountant} accountant finds no finite ε for a noise multiplier of ${noise}.`,
      'Add more noise; "starling privacy calibrate" finds how much is needed.',
    );
  }
  if (args.json) printJson(terminal, { epsilon });
  else printLine(terminal, `ε = ${epsilon.toPrecision(6)} at δ = ${delta} (${accountant})`);
  warn(privacyWarnings(epsilon, delta, noise), terminal);
}

export function showCalibration(
  args: PrivacyArguments & { readonly epsilon: number },
  terminal: Terminal,
): void {
  const { delta, rounds, sampling, accountant } = args;
  const target = { epsilon: args.epsilon, delta, rounds, sampling, accountant };
  const { noiseMultiplier, epsilon, warnings } = calibrate(target, (noise) => mechanismOf(args, noise));
  if (args.json) printJson(terminal, { noiseMultiplier, epsilon });
  else {
    printLine(
      terminal,
      `noise multiplier ${noiseMultiplier.toPrecision(6)}: ε = ${epsilon.toPrecision(6)} at δ = ${delta} after ${rounds} rounds (${accountant})`,
    );
  }
  warn(warnings, terminal);
}

function warn(warnings: ReturnType<typeof privacyWarnings>, terminal: Terminal): void {
  for (const { message } of warnings) remark(terminal, `Warning: ${message}`);
}

/** The mechanism whose noise in the sum has a standard deviation of `noise` times the L2 sensitivity. */
function mechanismOf(args: PrivacyArguments, noise: number): PrivacyMechanism {
  const { mechanism, sampling, scheme, devices } = args;
  if (mechanism === 'gaussian') return { kind: mechanism, noiseMultiplier: noise, sampling, scheme };
  const { l2, dimension } = args;
  if (l2 === undefined || dimension === undefined) {
    throw new UsageError(
      `--mechanism ${mechanism} needs --l2 and --dimension.`,
      'Discrete noise is on integer vectors: give their largest L2 norm and their length.',
    );
  }
  const l1 = args.l1 ?? Math.max(l2, l2 * Math.min(Math.sqrt(dimension), l2));
  const norms = { l2Sensitivity: l2, l1Sensitivity: l1 };
  const centralStddev = noise * l2;
  if (mechanism === 'skellam') {
    return { kind: mechanism, centralVariance: centralStddev ** 2, ...norms, sampling, scheme };
  }
  const deviceStddev = centralStddev / Math.sqrt(devices);
  return { kind: mechanism, deviceStddev, devices, dimension, ...norms, sampling, scheme };
}
