import {
  computeRing,
  defaultGraphRequirements,
  type ModularLayout,
  type SecureRound,
} from '@starling/federation';

/** What is measured. */
export interface Setting {
  readonly clients: number;
  readonly parameters: number;
  readonly bits: number;
  readonly rotation: boolean;
  readonly threads: number;
  /** So many of the clients fall silent after they have shared keys. */
  readonly dropouts: number;
}

export const planHash = new Uint8Array(32).fill(1);
export const rotationSeed = new Uint8Array(32).fill(2);

export function layoutOf({ clients, parameters, bits, rotation }: Setting): ModularLayout {
  return computeRing({
    encoding: {
      bits,
      clipNorm: 1,
      rotation: rotation
        ? { kind: 'hadamard', agreement: 0.5 }
        : { kind: 'none', elementMaximum: 8 / Math.sqrt(parameters) },
    },
    parameterCount: parameters,
    cohort: clients,
    weightMaximum: 1_000,
    metrics: [{ name: 'loss', minimum: 0, maximum: 10_000, bits: 24 }],
  });
}

export function roundOf(setting: Setting): SecureRound {
  const { ringBits, vectorLength } = layoutOf(setting);
  return {
    run: 'benchmark',
    round: 1,
    attempt: 1,
    planHash,
    requestHash: new Uint8Array(32).fill(2),
    ringBits,
    vectorLength,
    cohortMinimum: 2,
    requirements: defaultGraphRequirements,
    privacy: { kind: 'none' },
  };
}

export function nameOf(client: number): string {
  return `client-${String(client).padStart(6, '0')}`;
}
