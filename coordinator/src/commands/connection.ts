import {
  ArtifactService,
  connect,
  createClient,
  FleetService,
  isAddress,
  OperationsService,
  ReleaseOperationsService,
  type ServiceClient,
  StarlingError,
  TelemetryQueryService,
} from '@starling/proto';
import { type CredentialArguments, type Credentials, readCredentials } from './credentials.js';
import { UsageError } from './explain.js';
import type { Terminal } from './terminal.js';

export const defaultAddress = '127.0.0.1:7443';
const defaultData = './starling-data';

/** The coordinator, as commands talk to it. */
export interface Remote {
  readonly address: string;
  readonly operations: ServiceClient<typeof OperationsService>;
  readonly fleet: ServiceClient<typeof FleetService>;
  readonly artifacts: ServiceClient<typeof ArtifactService>;
  readonly releases: ServiceClient<typeof ReleaseOperationsService>;
  readonly telemetry: ServiceClient<typeof TelemetryQueryService>;
}

/** What every command that talks to a coordinator is told. */
export interface ClientArguments extends CredentialArguments {
  readonly coordinator: string;
  readonly json: boolean;
}

/**
 * Runs `work` with a connection to the coordinator and closes it. UNAVAILABLE says how to start one, USAGE that this is
 * no address.
 */
export async function withCoordinator<T>(
  args: ClientArguments,
  terminal: Terminal,
  work: (remote: Remote) => Promise<T>,
): Promise<T> {
  if (!isAddress(args.coordinator)) {
    throw new UsageError(
      `${JSON.stringify(args.coordinator)} is not an address.`,
      `Write host:port, as in ${defaultAddress}.`,
    );
  }
  return withCredentials(args.coordinator, await readCredentials(args, terminal), work);
}

export async function withCredentials<T>(
  address: string,
  credentials: Credentials,
  work: (remote: Remote) => Promise<T>,
): Promise<T> {
  const connection = connect(address, credentials);
  try {
    return await work({
      address,
      operations: createClient(OperationsService, connection),
      fleet: createClient(FleetService, connection),
      artifacts: createClient(ArtifactService, connection),
      releases: createClient(ReleaseOperationsService, connection),
      telemetry: createClient(TelemetryQueryService, connection),
    });
  } catch (error) {
    throw error instanceof StarlingError && error.code === 'UNAVAILABLE'
      ? unreachable(address, error)
      : error;
  } finally {
    connection.close();
  }
}

/** The options that every command with a coordinator has. */
export function clientOptions({ env }: Terminal) {
  return {
    coordinator: {
      type: 'string',
      default: env.STARLING_COORDINATOR ?? defaultAddress,
      defaultDescription: `$STARLING_COORDINATOR, or ${defaultAddress}`,
      describe: 'Address of the coordinator, host:port',
    },
    data: {
      type: 'string',
      default: env.STARLING_DATA ?? defaultData,
      defaultDescription: `$STARLING_DATA, or ${defaultData}`,
      describe: 'The coordinator’s folder, where it is on this machine',
    },
    authority: {
      type: 'string',
      describe: 'File with the certificate of the fleet’s authority',
      defaultDescription: '$STARLING_AUTHORITY, or authority/authority.pem in the folder',
    },
    'token-file': {
      type: 'string',
      describe: 'File with the operators’ token',
      defaultDescription: '$STARLING_TOKEN, or admin.token in the folder',
    },
  } as const;
}

function unreachable(address: string, cause: StarlingError): StarlingError {
  const start =
    address === defaultAddress ? 'starling serve' : `starling serve --port ${address.split(':').at(-1)}`;
  return new StarlingError(
    {
      code: cause.code,
      status: cause.status,
      message: `No coordinator answers at ${address}.`,
      remedy: `Start one with "${start}", or name another with --coordinator or STARLING_COORDINATOR.`,
      retryAfterMs: cause.retryAfterMs,
    },
    { cause },
  );
}
