/** How a device comes to the connection that it works over: its certificate, and what renews it. */
import type { AgentOptions, AgentPorts } from './agent.js';
import { grpcTransport } from './connection/grpc-transport.js';
import type { WorkLimits } from './connection/read-assignment.js';
import type { Log } from './connection/shell.js';
import type { Transport } from './connection/transport.js';
import { AgentError } from './errors.js';
import { type DeviceIdentity, enrol, keepRenewed, readIdentity } from './identity/index.js';
import { openPlanOwners } from './owners/index.js';
import type { ReleaseTransport } from './releases/index.js';
import { agentVersion } from './version.js';

export const holdMsDefault = 30_000;

export interface Connected {
  readonly transport: Transport;
  /** The same; `undefined` where the transport was given. */
  readonly releases: ReleaseTransport | undefined;
  /** With the newest certificate; `undefined` where the transport was given and asks for none. */
  readonly identity: () => DeviceIdentity | undefined;
  readonly stopRenewal: () => void;
  /** See `PlanOwners`; nothing is remembered where the transport was given. */
  readonly tells: (runId: string) => Promise<void>;
}

export interface ConnectPorts extends Pick<AgentPorts, 'clock' | 'entropy' | 'runtimes'> {
  readonly limits: WorkLimits;
  readonly log: Log;
}

/** The transport of a device that enrolled, or does so now; its certificate is renewed while the agent runs. */
export async function connectAs(
  id: string,
  { coordinator, stateFolder, enrolmentToken, ownerKey, holdMsMax, memoryBytesMax, ports }: AgentOptions,
  { clock, entropy, runtimes, limits, log }: ConnectPorts,
): Promise<Connected> {
  const given = ports?.transport?.(id);
  if (given !== undefined) {
    return {
      transport: given,
      releases: undefined,
      identity: () => undefined,
      stopRenewal: () => {},
      tells: async () => {},
    };
  }
  const kept = await readIdentity(stateFolder);
  const identity =
    kept ??
    (enrolmentToken === undefined
      ? undefined
      : await enrol({
          coordinator,
          stateFolder,
          token: enrolmentToken,
          deviceId: id,
          clock,
          entropy,
          signal: new AbortController().signal,
          connect: ports?.connect,
          onPending: () => log.info({}, 'Waits for the fleet’s authority to certify this device.'),
        }));
  if (identity === undefined) {
    throw new AgentError(
      'agent/not-enrolled',
      `The device ${id} has no certificate in ${stateFolder}; enrol it: starling-agent enroll --coordinator ${coordinator} --state ${stateFolder} --token TOKEN.`,
    );
  }
  if (identity.deviceId !== id) {
    throw new AgentError(
      'agent/state-folder',
      `The certificate in ${stateFolder} is of the device ${identity.deviceId}, not of ${id}; enrol again after removing its folder "identity".`,
    );
  }
  const owners = await openPlanOwners(stateFolder, ownerKey);
  const transport = grpcTransport({
    address: coordinator,
    identity,
    owners,
    agentVersion: agentVersion(),
    clock,
    limits,
    holdMsMax: holdMsMax ?? holdMsDefault,
    memoryBytes: memoryBytesMax ?? 0,
    runtimes,
    connect: ports?.connect,
  });
  let newest = identity;
  const onRenewed = (renewed: DeviceIdentity): void => {
    newest = renewed;
    transport.renewed(renewed);
  };
  const stopRenewal = keepRenewed(identity, {
    coordinator,
    stateFolder,
    clock,
    entropy,
    log,
    onRenewed,
    connect: ports?.connect,
  });
  return { transport, releases: transport, identity: () => newest, stopRenewal, tells: owners.tells };
}
