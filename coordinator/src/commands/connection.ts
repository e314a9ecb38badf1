import {
  ArtifactService,
  connect,
  createClient,
  isAddress,
  OperationsService,
  type ServiceClient,
  StarlingError,
} from '@starling/proto';
import { UsageError } from './explain.js';
import type { Terminal } from './terminal.js';

export const defaultAddress = '127.0.0.1:7443';

/** The coordinator, as commands talk to it. */
export interface Remote {
  readonly address: string;
  readonly operations: ServiceClient<typeof OperationsService>;
  readonly artifacts: ServiceClient<typeof ArtifactService>;
}

/**
 * Runs `work` with a connection to the coordinator and closes it. UNAVAILABLE says how to start one, USAGE that this is
 * no address.
 */
export async function withCoordinator<T>(address: string, work: (remote: Remote) => Promise<T>): Promise<T> {
  if (!isAddress(address)) {
    throw new UsageError(
      `${JSON.stringify(address)} is not an address.`,
      `Write host:port, as in ${defaultAddress}.`,
    );
  }
  const connection = connect(address);
  try {
    return await work({
      address,
      operations: createClient(OperationsService, connection),
      artifacts: createClient(ArtifactService, connection),
    });
  } catch (error) {
    throw error instanceof StarlingError && error.code === 'UNAVAILABLE'
      ? unreachable(address, error)
      : error;
  } finally {
    connection.close();
  }
}

/** The option that every command with a coordinator has. */
export function coordinatorOption(terminal: Terminal) {
  return {
    type: 'string',
    default: terminal.env.STARLING_COORDINATOR ?? defaultAddress,
    defaultDescription: `$STARLING_COORDINATOR, or ${defaultAddress}`,
    describe: 'Address of the coordinator, host:port',
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
