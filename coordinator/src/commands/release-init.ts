/** `starling release init`. */
import { signRoot } from '@starling/federation';
import { withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import {
  publicKeyOf,
  type ReleaseKeyArguments,
  rootLifeMs,
  sha256Of,
  signersOf,
  writeForOthers,
} from './release-files.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface InitArguments extends ReleaseKeyArguments {
  readonly threshold: number;
  /** Of people who sign elsewhere, base64url. */
  readonly publicKey: readonly string[];
  /** Where the root is written for others to sign; it is published where this is absent. */
  readonly output: string | undefined;
}

/** Makes the root that devices believe: its keys sign roots and targets, the coordinator's own snapshots and timestamps. */
export async function initReleases(args: InitArguments, terminal: Terminal): Promise<void> {
  const signers = await signersOf(args.key, terminal);
  const { threshold, output } = args;
  const keys = [...signers.map(({ publicKey }) => publicKey), ...args.publicKey.map(publicKeyOf)];
  if (threshold > keys.length) {
    throw new UsageError(
      `--threshold ${threshold} is more than the ${keys.length} keys that were given.`,
      'Give as many keys with --key and --public-key.',
    );
  }
  await withCoordinator(args, terminal, async ({ releases }) => {
    const { onlineKey, root } = await releases.getReleaseState({}, { signal: terminal.signal });
    if (root.length > 0) {
      throw new UsageError(
        'This coordinator has a root already.',
        'Publish with its keys: starling release publish. Other keys: starling release root.',
      );
    }
    const online = { keys: [onlineKey], threshold: 1 };
    const roles = {
      root: { keys, threshold },
      targets: { keys, threshold },
      snapshot: online,
      timestamp: online,
    };
    const expiresAtMs = terminal.clock.now() + rootLifeMs;
    const content = signRoot({ version: 1, expiresAtMs, roles }, signers);
    const sha256 = sha256Of(content);
    const told = { version: 1, threshold, keys: keys.length, sha256 };
    if (output !== undefined) return writeForOthers(output, content, told, args.json, terminal);
    await releases.publishReleaseFile({ role: 'root', content }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, told);
    printLine(
      terminal,
      `Releases of this fleet are signed by ${threshold} of ${keys.length} keys; the root is ${sha256}.`,
    );
  });
}
