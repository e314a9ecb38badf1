/** What happens to a fleet, one operation after the other; a seed is a list of these, and a failure shrinks to few. */
import type { Weather } from '../world/network.js';
import type { ReleaseManner } from '../world/serving.js';
import type { FaultTask } from './fleet.js';

interface At {
  /** Virtual time from the start, in milliseconds. */
  readonly atMs: number;
}

export type Operation = At &
  (
    | { readonly kind: 'start-run'; readonly task: FaultTask }
    /** Once the faults are over, whatever they left behind. */
    | { readonly kind: 'recover'; readonly task: FaultTask }
    | { readonly kind: 'stop-run' }
    /** With one round more than it has. */
    | { readonly kind: 'resume-run' }
    | { readonly kind: 'apply-task'; readonly task: FaultTask; readonly learningRate: number }
    | { readonly kind: 'join'; readonly device: string }
    | { readonly kind: 'leave'; readonly device: string }
    | { readonly kind: 'revoke'; readonly device: string }
    | { readonly kind: 'record'; readonly device: string; readonly records: number }
    /** The owners sign the next version, and it is rolled out in two stages. */
    | { readonly kind: 'release'; readonly manner: ReleaseManner }
    /** What the device is told of releases is not what the coordinator says. */
    | {
        readonly kind: 'attack-releases';
        readonly device: string;
        readonly how: ReleaseAttack;
        readonly ms: number;
      }
    | Kill
    | { readonly kind: 'part'; readonly machine: string; readonly ms: number }
    | { readonly kind: 'weather'; readonly weather: Weather; readonly ms: number }
    | { readonly kind: 'fill-disk'; readonly machine: string; readonly ms: number }
    /** One of the next commits of the coordinator's database fails as with a full disk. */
    | { readonly kind: 'fail-commit'; readonly count: number }
    | { readonly kind: 'clock-jump'; readonly machine: string; readonly byMs: number }
    | { readonly kind: 'misbehave'; readonly device: string; readonly how: Misbehaviour; readonly ms: number }
  );

export interface Kill {
  readonly kind: 'kill';
  readonly machine: string;
  /** Whether what was not synchronised is lost. */
  readonly power: boolean;
  /** After so many steps towards the disk, or at the commit of that number, so that it strikes between any two. */
  readonly at: 'step' | 'before-commit' | 'after-commit';
  readonly count: number;
  readonly downMs: number;
}

export const misbehaviours = ['flip-bits', 'replay', 'other-attempt', 'other-device', 'truncate'] as const;
export type Misbehaviour = (typeof misbehaviours)[number];

export const releaseAttacks = [
  'flip-bits',
  'old-metadata',
  'mixed-metadata',
  'other-wishes',
  'stolen-key',
] as const;
export type ReleaseAttack = (typeof releaseAttacks)[number];

/** For people: `12.3 s kill coordinator, power, after 7 steps, down 900 ms`. */
export function describeOperation({ atMs, kind, ...rest }: Operation): string {
  const details = Object.entries(rest).map(([key, value]) =>
    typeof value === 'object' ? `${key} ${JSON.stringify(value)}` : `${key} ${value}`,
  );
  return [`${(atMs / 1000).toFixed(1)} s ${kind}`, ...details].join(', ');
}
