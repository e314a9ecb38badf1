/** `starling release root|renew|sign`: what several people sign, each where their key is. */
import {
  addSignatures,
  type RoleKeys,
  type RolePublicKey,
  type RootContent,
  readRoot,
  readTargets,
  signaturesOf,
  signRoot,
  signTargets,
} from '@starling/federation';
import { withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { formatTime } from './format.js';
import {
  noRoot,
  publicKeyOf,
  type ReleaseKeyArguments,
  rootLifeMs,
  signersOf,
  targetsLifeMs,
  writeForOthers,
} from './release-files.js';
import { readSignedFile, releaseIn, writeSignedFile } from './signed-file.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface RootArguments extends ReleaseKeyArguments {
  /** Public keys that people sign with from now on, base64url. */
  readonly addKey: readonly string[];
  /** Public keys that count no more. */
  readonly removeKey: readonly string[];
  readonly threshold: number | undefined;
  /** Where it is written for others to sign; it is published where this is absent. */
  readonly output: string | undefined;
}

/** The root that follows: with other keys of people, the coordinator's newest one, and another year. */
export async function nextRoot(args: RootArguments, terminal: Terminal): Promise<void> {
  const signers = await signersOf(args.key, terminal);
  const added = args.addKey.map(publicKeyOf);
  const removed = new Set(args.removeKey.map((text) => textOf(publicKeyOf(text))));
  await withCoordinator(args, terminal, async ({ releases }) => {
    const state = await releases.getReleaseState({}, { signal: terminal.signal });
    const { onlineKey, root, targets: targetsBytes } = state;
    if (root.length === 0) throw noRoot();
    const before = readRoot(root);
    const stranger = [...removed].find((text) => !before.roles.root.keys.some((key) => textOf(key) === text));
    if (stranger !== undefined) {
      throw new UsageError(`${stranger} is no key of the root.`, 'Its keys: starling release status --json.');
    }
    const people = (role: RoleKeys): RoleKeys => {
      const kept = role.keys.filter((key) => !removed.has(textOf(key)));
      const others = added.filter((key) => !kept.some((one) => textOf(one) === textOf(key)));
      return { keys: [...kept, ...others], threshold: args.threshold ?? role.threshold };
    };
    const online = { keys: [onlineKey], threshold: 1 };
    const { root: roots, targets } = before.roles;
    const roles = { root: people(roots), targets: people(targets), snapshot: online, timestamp: online };
    const { keys, threshold } = roles.root;
    if (threshold > keys.length) {
      throw new UsageError(
        `${threshold} keys must sign, and ${keys.length} would be left.`,
        'Add keys with --add-key, or lower --threshold.',
      );
    }
    const version = before.version + 1;
    const content = signRoot({ version, expiresAtMs: terminal.clock.now() + rootLifeMs, roles }, signers);
    const told = { version, threshold, keys: keys.length };
    checkTargets(targetsBytes, { version, expiresAtMs: 0, roles });
    if (args.output !== undefined) return writeForOthers(args.output, content, told, args.json, terminal);
    await releases.publishReleaseFile({ role: 'root', content }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, told);
    printLine(terminal, `Root ${version}: ${threshold} of ${keys.length} keys sign from now on.`);
  });
}

/** Devices that follow the new root would refuse targets that too few of its keys have signed. */
function checkTargets(targets: Uint8Array, root: RootContent): void {
  if (targets.length === 0) return;
  const { threshold } = root.roles.targets;
  const signatures = signaturesOf('targets', targets, root);
  if (signatures >= threshold) return;
  throw new UsageError(
    `The newest targets have ${signatures} signatures of the keys that would sign; ${threshold} are needed.`,
    'First sign them with both, those of now and those to come: starling release renew --key A --key B',
  );
}

/** Signs what is released anew, for another half year, or with further keys. */
export async function renewTargets(
  args: ReleaseKeyArguments & { readonly output: string | undefined },
  terminal: Terminal,
): Promise<void> {
  const signers = await signersOf(args.key, terminal);
  await withCoordinator(args, terminal, async ({ releases }) => {
    const state = await releases.getReleaseState({}, { signal: terminal.signal });
    if (state.targets.length === 0) {
      throw new UsageError('Nothing is released yet.', 'Release something: starling release publish.');
    }
    const { version: before, targets } = readTargets(state.targets);
    const version = before + 1;
    const expiresAtMs = terminal.clock.now() + targetsLifeMs;
    const content = signTargets({ version, expiresAtMs, targets }, signers);
    const told = { targetsVersion: version };
    if (args.output !== undefined) return writeForOthers(args.output, content, told, args.json, terminal);
    await releases.publishReleaseFile({ role: 'targets', content }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, told);
    printLine(terminal, `What is released is signed until ${formatTime(expiresAtMs)} (UTC).`);
  });
}

export interface SignArguments {
  readonly file: string;
  readonly key: readonly string[];
  readonly json: boolean;
}

/** Adds signatures to what waits for them, in place; needs no coordinator. */
export async function signReleaseFile(args: SignArguments, terminal: Terminal): Promise<void> {
  const file = await readSignedFile(args.file);
  const signers = await signersOf(args.key, terminal);
  const content = addSignatures(file.role, file.content, signers);
  await writeSignedFile(args.file, { ...file, content });
  const { signatures } = JSON.parse(Buffer.from(content).toString('utf8')) as {
    readonly signatures: readonly unknown[];
  };
  const told = { role: file.role, signatures: signatures.length };
  const release = releaseIn(file);
  if (args.json) return printJson(terminal, { ...told, ...release });
  const what = release === undefined ? file.role : `version ${release.version} of ${release.name}`;
  printLine(terminal, `${args.file} (${what}) has ${told.signatures} signatures.`);
}

function textOf(key: RolePublicKey): string {
  return Buffer.from(key).toString('base64url');
}
