import type { RecordedReleases } from '../follow-releases.js';
import type { MakeChecker } from './checker.js';

/**
 * A device serves what the owners signed and nothing else: the very bytes of that version, never one that its health check
 * refused, and in the end none that failed in use or ended its process. What it believes of releases grows, and never goes back.
 */
export const releases =
  ({ signed, served }: RecordedReleases): MakeChecker =>
  ({ report, world }) => {
    let looked = 0;
    /** By device, life and role, the newest version that it believed: what it had not synchronised goes with the power. */
    const believed = new Map<string, number>();
    const seen = new Map<string, Uint8Array>();
    const believe = (device: string): void => {
      const machine = world.devices.get(device);
      const inode = machine?.disk.find('/agent/releases/trusted.json');
      if (machine === undefined || inode === undefined || seen.get(device) === inode.content) return;
      seen.set(device, inode.content);
      const versions = versionsIn(inode.content);
      if (versions === undefined)
        report(`${device} keeps what it believes of releases in a file that is torn`);
      for (const [role, version] of versions ?? []) {
        const name = `${device} ${machine.lives} ${role}`;
        const before = believed.get(name) ?? 0;
        if (version < before) report(`${device} believed ${role} ${before}, and now ${version}`);
        believed.set(name, Math.max(before, version));
      }
    };
    const look = (): void => {
      for (; looked < served.length; looked += 1) {
        const { device, version, sha256 } = served[looked];
        const release = signed.get(version);
        if (release?.sha256 !== sha256) {
          report(`${device} serves version ${version} as ${sha256.slice(0, 8)}, which nobody signed`);
        } else if (release.manner === 'refused') {
          report(`${device} serves version ${version}, which its health check did not let pass`);
        }
      }
      if (signed.size > 0) for (const device of world.devices.keys()) believe(device);
    };
    return {
      name: 'releases',
      onStep: look,
      atEnd() {
        look();
        for (const device of world.devices.keys()) {
          const model = Object.values(world.life(device)?.releases()?.models ?? {}).at(0);
          const manner = signed.get(model?.active?.version ?? 0)?.manner;
          if (model?.stage.kind === 'resting' && (manner === 'failing' || manner === 'deadly'))
            report(`${device} has proven version ${model.active?.version}, which is ${manner}`);
        }
      },
    };
  };

/** `undefined` where no write that was whole left these bytes. */
function versionsIn(content: Uint8Array): readonly (readonly [role: string, version: number])[] | undefined {
  try {
    return rolesOf(content);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function rolesOf(content: Uint8Array): readonly (readonly [role: string, version: number])[] {
  const kept = JSON.parse(Buffer.from(content).toString()) as Readonly<Record<string, string>>;
  return ['root', 'timestamp', 'snapshot', 'targets'].flatMap((role) => {
    if (kept[role] === undefined) return [];
    const { signed } = JSON.parse(Buffer.from(kept[role], 'base64').toString()) as {
      readonly signed: { readonly version: number };
    };
    return [[role, signed.version] as const];
  });
}
