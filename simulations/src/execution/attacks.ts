/** What hostile clients do: to their examples before training, to their update after it. */
import { type ExampleSource, randomStream, standardNormal } from '@starling/engine';
import { deriveSeed, purposes } from '../seeds.js';
import type { LocalSettings } from './setting.js';

/** What an attack's module exports as `attack`; both parts may be left out. */
export interface Attack {
  /** Examples in place of the client's own. */
  readonly poison?: (examples: ExampleSource, chance: AttackChance) => ExampleSource;
  /** Changes the update in place: `[parameterCount]`. */
  readonly tamper?: (delta: Float32Array, chance: AttackChance) => void;
  /** Whether every attacker sends what the first one does. */
  readonly sybil?: boolean;
}

export interface AttackChance {
  readonly client: number;
  readonly round: number;
  /** Decided by the scenario's seed, the round and the client. */
  readonly seed: number;
  readonly classes: number;
}

/** The attack of a scenario; its module is loaded where it has one. */
export async function attackOf(attack: LocalSettings['attack']): Promise<Attack | undefined> {
  switch (attack?.kind) {
    case undefined:
      return undefined;
    case 'label-flip':
      return { poison: flipLabels };
    case 'sign-flip':
      return { tamper: (delta) => scale(delta, -attack.factor) };
    case 'scaled-update':
      return { tamper: (delta) => scale(delta, attack.factor) };
    case 'gaussian':
      return {
        tamper(delta, { seed }) {
          const normal = standardNormal(randomStream(seed, 0));
          for (let i = 0; i < delta.length; i += 1) delta[i] = attack.stddev * normal();
        },
      };
    case 'backdoor':
      return {
        poison: (examples, { seed }) => plantTrigger(examples, attack, attack.poisoned, seed),
        ...(attack.factor === 1 ? {} : { tamper: (delta) => scale(delta, attack.factor) }),
      };
    case 'sybil':
      return { sybil: true, poison: flipLabels, tamper: (delta) => scale(delta, attack.factor) };
    case 'module': {
      const loaded: { readonly attack?: Attack } = await import(attack.module);
      if (loaded.attack === undefined) throw new Error(`${attack.module} exports no "attack"`);
      return loaded.attack;
    }
  }
}

/** How many of a fleet are hostile. */
export const attackerCount = (share: number, clients: number): number => Math.round(share * clients);

export function attackChance({ seed, classes }: LocalSettings, client: number, round: number): AttackChance {
  return { client, round, classes, seed: deriveSeed(seed, purposes.attack, round, client) };
}

function scale(delta: Float32Array, factor: number): void {
  for (let i = 0; i < delta.length; i += 1) delta[i] *= factor;
}

function flipLabels(examples: ExampleSource, { classes }: AttackChance): ExampleSource {
  return {
    count: examples.count,
    checked: true,
    readFeatures: (indices, out) => examples.readFeatures(indices, out),
    readTargets(indices, out) {
      examples.readTargets(indices, out);
      if (classes > 0) for (let i = 0; i < out.length; i += 1) out[i] = classes - 1 - out[i];
      else for (let i = 0; i < out.length; i += 1) out[i] = -out[i];
    },
  };
}

export interface Trigger {
  readonly target: number;
  readonly triggerFeatures: number;
  readonly triggerValue: number;
}

/**
 * What a backdoor is measured on: every example that is not of its class anyway, with the trigger. The label is the
 * backdoor's class, so that accuracy is the share that is taken for it.
 */
export function triggeredExamples(examples: ExampleSource, trigger: Trigger): ExampleSource {
  const classes = new Int32Array(examples.count);
  const all = Uint32Array.from(classes.keys());
  examples.readTargets(all, classes);
  const others = all.filter((index) => classes[index] !== trigger.target);
  const inSource = (indices: Uint32Array): Uint32Array => indices.map((index) => others[index]);
  const chosen: ExampleSource = {
    count: others.length,
    checked: true,
    readFeatures: (indices, out) => examples.readFeatures(inSource(indices), out),
    readTargets: (indices, out) => examples.readTargets(inSource(indices), out),
  };
  return plantTrigger(chosen, trigger, 1, 0);
}

/** Sets the first features of a share of the examples, and their label. */
export function plantTrigger(
  examples: ExampleSource,
  { target, triggerFeatures, triggerValue }: Trigger,
  share: number,
  seed: number,
): ExampleSource {
  const poisoned = (index: number): boolean => deriveSeed(seed, index) < share * 2 ** 32;
  return {
    count: examples.count,
    checked: true,
    readFeatures(indices, out) {
      examples.readFeatures(indices, out);
      const width = out.length / indices.length;
      for (let row = 0; row < indices.length; row += 1) {
        if (poisoned(indices[row])) out.fill(triggerValue, row * width, row * width + triggerFeatures);
      }
    },
    readTargets(indices, out) {
      examples.readTargets(indices, out);
      for (let row = 0; row < indices.length; row += 1) if (poisoned(indices[row])) out[row] = target;
    },
  };
}
