/** The coordinator's own certificate, which it makes anew before it ends where it has the authority's key. */
import type { Clock } from '@starling/federation';
import type { TlsIdentity } from '@starling/proto';
import type { AuthorityFolder } from './authority-folder.js';
import { coordinatorLifetimeMs, validFrom } from './lifetimes.js';

export interface ServerIdentity {
  readonly first: TlsIdentity;
  /** Hands over each later certificate; gives a function that stops it. */
  keepRenewed(renew: (identity: TlsIdentity) => void, onError: (error: unknown) => void): () => void;
}

/** @param names host names and addresses that clients which check them may reach this coordinator at */
export async function openServerIdentity(
  folder: AuthorityFolder,
  names: readonly string[],
  clock: Clock,
): Promise<ServerIdentity> {
  if (folder.kind === 'verifying') return { first: folder.identity, keepRenewed: () => () => {} };
  const make = (): Promise<TlsIdentity> =>
    folder.authority.certifyCoordinator(names, validFrom(clock.now(), coordinatorLifetimeMs));
  return {
    first: await make(),
    keepRenewed(renew, onError) {
      let dueAtMs = clock.monotonic() + renewalMs;
      const look = (): void => {
        if (clock.monotonic() >= dueAtMs) {
          dueAtMs += renewalMs;
          make().then(renew, onError);
        }
        scheduled = clock.schedule(Math.min(dayMs, dueAtMs - clock.monotonic()), look);
      };
      // Timers of Node.js end after 24 days; looking daily needs none that is longer.
      let scheduled = clock.schedule(dayMs, look);
      return () => scheduled.cancel();
    },
  };
}

const dayMs = 86_400_000;
const renewalMs = (coordinatorLifetimeMs * 2) / 3;
