/** `starling-agent enroll`. */
import { resolve } from 'node:path';
import { systemClock } from '../adapters/system-clock.js';
import { systemEntropy } from '../adapters/system-entropy.js';
import { enrol } from '../identity/index.js';
import { makeStateFolder } from '../state/lock.js';
import { exitCodes } from './exit-codes.js';

export interface EnrollArguments {
  readonly coordinator: string;
  readonly token: string;
  readonly state: string;
  readonly deviceId: string | undefined;
}

/** Enrols and says as what; gives the exit code. */
export async function enroll(args: EnrollArguments, json: boolean): Promise<number> {
  const stateFolder = resolve(args.state);
  await makeStateFolder(stateFolder);
  const ending = new AbortController();
  const onSignal = (): void => ending.abort(new Error('Ended before the device was certified.'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const { deviceId, endsAtMs } = await enrol({
    coordinator: args.coordinator,
    stateFolder,
    token: args.token,
    deviceId: args.deviceId,
    clock: systemClock(),
    entropy: systemEntropy(),
    signal: ending.signal,
    onPending: () => process.stderr.write('Waits for the fleet’s authority to certify this device.\n'),
  });
  const until = new Date(endsAtMs).toISOString();
  process.stdout.write(
    json
      ? `${JSON.stringify({ device: deviceId, certificateEndsAt: until })}\n`
      : `This device is ${deviceId}, certified until ${until}. "starling-agent run" renews it in time.\n`,
  );
  return exitCodes.done;
}
