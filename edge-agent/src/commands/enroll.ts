/** `starling-agent enroll`. */
import { join, resolve } from 'node:path';
import { systemClock } from '../adapters/system-clock.js';
import { systemEntropy } from '../adapters/system-entropy.js';
import { type DeviceIdentity, enrol, securityOf } from '../identity/index.js';
import { releasesFolder } from '../releases/paths.js';
import { makeStateFolder } from '../state/lock.js';
import { exitCodes } from './exit-codes.js';

export interface EnrollArguments {
  readonly coordinator: string;
  readonly token: string;
  readonly state: string;
  readonly deviceId: string | undefined;
}

const callMsMax = 10_000;

/** Enrols and says as what; gives the exit code. */
export async function enroll(args: EnrollArguments, json: boolean): Promise<number> {
  const stateFolder = resolve(args.state);
  await makeStateFolder(stateFolder);
  const ending = new AbortController();
  const onSignal = (): void => ending.abort(new Error('Ended before the device was certified.'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const identity = await enrol({
    coordinator: args.coordinator,
    stateFolder,
    token: args.token,
    deviceId: args.deviceId,
    clock: systemClock(),
    entropy: systemEntropy(),
    signal: ending.signal,
    onPending: () => process.stderr.write('Waits for the fleet’s authority to certify this device.\n'),
  });
  const { deviceId, endsAtMs } = identity;
  const root = await pinRoot(args.coordinator, stateFolder, identity, ending.signal);
  const until = new Date(endsAtMs).toISOString();
  process.stdout.write(
    json
      ? `${JSON.stringify({ device: deviceId, certificateEndsAt: until, releasesRoot: root ?? null })}\n`
      : `This device is ${deviceId}, certified until ${until}. "starling-agent run" renews it in time.\n${root === undefined ? '' : `Releases must follow from the root ${root}.\n`}`,
  );
  return exitCodes.done;
}

/** The SHA-256 of the fleet's first root of releases, believed from now on; undefined where it has none yet. */
async function pinRoot(
  coordinator: string,
  stateFolder: string,
  identity: DeviceIdentity,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { connect, createClient, ReleaseService } = await import('@starling/proto');
  const { diskFiles } = await import('../releases/disk-files.js');
  const { pinFirstRoot, readTrust } = await import('../releases/metadata.js');
  const files = diskFiles(join(stateFolder, releasesFolder));
  const kept = await readTrust(files, undefined);
  if (kept !== undefined) return kept.from;
  const connection = connect(coordinator, { security: securityOf(identity) });
  try {
    const client = createClient(ReleaseService, connection);
    const deadlineAtMs = systemClock().now() + callMsMax;
    const begun = await pinFirstRoot(
      files,
      async (role, version, signal) => {
        const { content } = await client.getReleaseFile({ role, version }, { signal, deadlineAtMs });
        return content.byteLength === 0 ? undefined : content;
      },
      signal,
    );
    return begun?.from;
  } catch (error) {
    // The device is enrolled all the same, and asks again when it runs.
    process.stderr.write(
      `The root of releases could not be had: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return undefined;
  } finally {
    connection.close();
  }
}
