import type { StrategyDefinition } from '../definition.js';
import { StrategyError } from '../errors.js';
import type { NumberField } from '../fields.js';
import { parseStrategy } from '../parse.js';
import { isStrategyKind, strategyKinds } from '../registry.js';
import type { FederatedAlgorithm } from './algorithm.js';
import { type FedAsync, fedAsync, fedAsyncFields } from './fedasync.js';
import { type FedBuff, fedBuff, fedBuffFields } from './fedbuff.js';
import { type FedDyn, fedDyn, fedDynFields } from './feddyn.js';
import { type FedNova, fedNova, fedNovaFields } from './fednova.js';
import { type QFfl, qFfl, qFflFields } from './qffl.js';
import { type Scaffold, scaffold, scaffoldFields } from './scaffold.js';
import { serverOptimizer } from './server-optimizer.js';

/** Algorithms with a device's part of their own. */
export type DevicePartDefinition = Scaffold | FedNova | FedDyn | QFfl | FedBuff | FedAsync;

export type AlgorithmDefinition = StrategyDefinition | DevicePartDefinition;

const fields: Readonly<Record<DevicePartDefinition['kind'], Readonly<Record<string, NumberField>>>> = {
  scaffold: scaffoldFields,
  fednova: fedNovaFields,
  feddyn: fedDynFields,
  'q-ffl': qFflFields,
  fedbuff: fedBuffFields,
  fedasync: fedAsyncFields,
};

const isDevicePartKind = (kind: unknown): kind is DevicePartDefinition['kind'] =>
  typeof kind === 'string' && Object.hasOwn(fields, kind);

/** Every algorithm's name. */
export const algorithmKinds: readonly string[] = [...strategyKinds, ...Object.keys(fields)];

/**
 * A definition from configuration, as `parseStrategy` reads it, of any algorithm. Throws `StrategyError` that lists what
 * is allowed.
 */
export function parseAlgorithm(input: unknown): AlgorithmDefinition {
  const settings: unknown = typeof input === 'string' ? { kind: input } : input;
  if (typeof settings !== 'object' || settings === null || !('kind' in settings)) return parseStrategy(input);
  const { kind, ...given }: { readonly kind: unknown } & Readonly<Record<string, unknown>> = settings;
  if (!isDevicePartKind(kind)) {
    if (typeof kind === 'string' && isStrategyKind(kind)) return parseStrategy(input);
    throw new StrategyError(
      'unknown-strategy',
      `unknown strategy ${JSON.stringify(kind)}; known are ${algorithmKinds.join(', ')}`,
      'kind',
    );
  }
  const known = fields[kind];
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name)) {
      throw new StrategyError(
        'unknown-field',
        `${kind} has no setting "${name}"; its settings are ${Object.keys(known).join(', ')}`,
        name,
      );
    }
    if (typeof value !== 'number' || !Number.isFinite(value) || !known[name].accepts(value)) {
      throw new StrategyError(
        'invalid-field',
        `${kind}'s ${name} must be ${known[name].accepted}, got ${JSON.stringify(value)}`,
        name,
      );
    }
  }
  const defaults = Object.entries(known).map(([name, { defaultValue }]) => [name, defaultValue] as const);
  // The table says that these are exactly the numbers of this kind's definition.
  return { kind, ...Object.fromEntries(defaults), ...given } as DevicePartDefinition;
}

/** The algorithm that a definition describes. */
export function algorithmOf(definition: AlgorithmDefinition): FederatedAlgorithm {
  switch (definition.kind) {
    case 'scaffold':
      return scaffold(definition);
    case 'fednova':
      return fedNova(definition);
    case 'feddyn':
      return fedDyn(definition);
    case 'q-ffl':
      return qFfl(definition);
    case 'fedbuff':
      return fedBuff(definition);
    case 'fedasync':
      return fedAsync(definition);
    default:
      return serverOptimizer(definition);
  }
}

/** Whether updates are applied as they arrive, not in rounds. */
export function isAsynchronous({ kind }: AlgorithmDefinition): boolean {
  return kind === 'fedbuff' || kind === 'fedasync';
}
