/** What this process believes of releases, made newer for each look-up. */
import { type Clock, ReleaseError } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import type { ReleaseEvent } from './events.js';
import type { ReleaseFiles } from './files.js';
import { filesOf, type KeptTrust, keepTrust, pinFirstRoot, readTrust, refreshTrust } from './metadata.js';
import type { ReleaseTransport } from './ports.js';

export interface Belief {
  readonly hasBegun: boolean;
  /** Believes the fleet's first root where none is believed yet, and there is one. */
  begin(remote: ReleaseTransport, signal: AbortSignal): Promise<void>;
  /** @throws ReleaseError with the name of the attack that was refused; what the transport throws */
  lookUp(
    remote: ReleaseTransport,
    name: string,
    version: number,
    signal: AbortSignal,
  ): Promise<ReleaseEvent & { readonly kind: 'offered' }>;
}

/** @param root the first root to believe, where the device's owner names one */
export async function openBelief(
  files: ReleaseFiles,
  root: Uint8Array | undefined,
  clock: Clock,
  log: Log,
): Promise<Belief> {
  let trust = await readTrust(files, root);
  const begin = async (remote: ReleaseTransport, signal: AbortSignal): Promise<KeptTrust | undefined> => {
    trust ??= await pinFirstRoot(files, remote.releaseFile, signal).then((begun) => {
      if (begun !== undefined) {
        log.info({ sha256: begun.from }, 'Believes the first root of releases that this fleet has shown.');
      }
      return begun;
    });
    return trust;
  };
  return {
    get hasBegun() {
      return trust !== undefined;
    },
    async begin(remote, signal) {
      await begin(remote, signal);
    },
    async lookUp(remote, name, version, signal) {
      const begun = await begin(remote, signal);
      if (begun === undefined) {
        throw new ReleaseError('RELEASE_UNKNOWN', 'The coordinator has no file root.json of the releases.');
      }
      const { from } = begun;
      const nowMs = clock.now();
      const keep = async (trusted: KeptTrust['trusted']): Promise<void> => {
        await keepTrust(files, { trusted, from });
        trust = { trusted, from };
      };
      const trusted = await refreshTrust(begun.trusted, remote.releaseFile, nowMs, keep, signal);
      return { kind: 'offered', name, version, ...filesOf(trusted, name, version, nowMs) };
    },
  };
}
