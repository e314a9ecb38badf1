/** How a call ends without an answer: the server dies, the way is cut, the caller gives up. */
import type { VirtualClock } from '@starling/federation';
import { StarlingError } from '@starling/proto';
import type { Chance } from './chance.js';
import type { Listening } from './network.js';
import type { SimulatedProcess } from './simulated-process.js';

/** After which the end of a connection that went silent notices. */
export const silenceMs = 20_000;

export interface CallEnds {
  readonly signal?: AbortSignal | undefined;
  readonly deadlineAtMs?: number | undefined;
}

/** What all calls of a network share. */
export interface Ways {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  /** Told of a machine that reaches nobody any more. */
  readonly breaking: Set<(machine: string) => void>;
  hop(): Promise<void>;
}

/** Ends when the call can come to no end any more: the server died, the way is cut, the caller gave up. */
export function connectionEnds(
  { clock, chance, breaking, hop }: Ways,
  process: SimulatedProcess,
  server: Listening,
  abort: (reason: unknown) => void,
  options: CallEnds,
) {
  let fail: (error: unknown) => void = () => {};
  const promise = new Promise<never>((_, reject) => {
    fail = reject;
  });
  promise.catch(() => {});
  const lost = (afterMs: number): void =>
    void clock.schedule(afterMs, () => {
      fail(unavailable('The connection broke.'));
      abort(unavailable('The connection broke.'));
    });
  server.process.onKilled(() => lost(chance.integer(50)));
  process.onKilled(
    () => void clock.schedule(chance.integer(50), () => abort(unavailable('The caller is gone.'))),
  );
  const onParted = (machine: string): void => {
    if (machine === process.machine.name || machine === 'coordinator') lost(silenceMs);
  };
  breaking.add(onParted);
  const onAbort = (): void => {
    fail(options.signal?.reason);
    void hop().then(() => abort(options.signal?.reason));
  };
  options.signal?.addEventListener('abort', onAbort);
  const deadline =
    options.deadlineAtMs === undefined
      ? undefined
      : clock.schedule(Math.max(0, options.deadlineAtMs - process.clock.now()), () => {
          const error = new StarlingError({
            code: 'DEADLINE_EXCEEDED',
            status: 'deadline-exceeded',
            message: 'The call took too long.',
          });
          fail(error);
          abort(error);
        });
  return {
    promise,
    /** The connection breaks under this message. */
    lose: () => lost(chance.integer(2_000)),
    end() {
      breaking.delete(onParted);
      options.signal?.removeEventListener('abort', onAbort);
      deadline?.cancel();
    },
  };
}

export function unavailable(message: string): StarlingError {
  return new StarlingError({ code: 'UNAVAILABLE', status: 'unavailable', message });
}
