import type { RunEvent } from '@starling/coordinator';
import type { Checker, Sight } from './checker.js';

export interface CommittedRound {
  readonly event: RunEvent & { readonly kind: 'round-committed' };
  /** SHA-256 of the checkpoint that it began with. */
  readonly before: string;
  /** Devices whose updates were counted, as often as they were. */
  readonly devices: readonly string[];
}

/** Calls `check` for each round as it is committed, with what its events before said. */
export function onCommittedRounds(
  check: (round: CommittedRound) => void,
): Required<Pick<Checker, 'onEvents'>> {
  const started = new Map<string, string>();
  const counted = new Map<string, string[]>();
  return {
    onEvents(runId, events) {
      for (const event of events) {
        if (!('key' in event)) continue;
        const name = `${runId} ${event.key.round} ${event.key.attempt}`;
        if (event.kind === 'round-started') started.set(name, event.checkpoint.sha256);
        if (event.kind === 'contributions-counted') {
          const known = counted.get(name) ?? [];
          counted.set(name, [...known, ...event.contributions.map(({ deviceId }) => deviceId as string)]);
        }
        if (event.kind === 'round-committed') {
          check({ event, before: started.get(name) ?? '', devices: counted.get(name) ?? [] });
        }
      }
    },
  };
}

/** Of a checkpoint in the coordinator's store; `undefined` where it is not there. */
export function parametersOf({ world }: Sight, sha256: string): Float32Array | undefined {
  const inode = world.coordinator.disk.find(`/coordinator/artifacts/${sha256.slice(0, 2)}/${sha256}`);
  return inode && new Float32Array(inode.content.slice().buffer);
}
