/** What operators and devices need to talk to a coordinator, as its folder has it. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConnectOptions, connect, createClient, FleetService } from '@starling/proto';

export interface CoordinatorAccess {
  readonly address: string;
  /** The coordinator's. */
  readonly folder: string;
}

/** An operator's credentials. */
export async function operatorSecurity(folder: string): Promise<ConnectOptions> {
  const authority = await readFile(join(folder, 'authority', 'authority.pem'), 'utf8');
  const token = (await readFile(join(folder, 'admin.token'), 'utf8')).trim();
  return { security: { kind: 'tls', authority }, token };
}

/** A token for one device, which may also replace the key it has. */
export async function enrolmentToken(coordinator: CoordinatorAccess, deviceId: string): Promise<string> {
  const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
  try {
    const request = { group: 'test', deviceId, lifetimeMs: 600_000, usesMax: 1 };
    return (await createClient(FleetService, connection).createToken(request)).text;
  } finally {
    connection.close();
  }
}

/** Whether a device that uses this state directory has a certificate already. */
export async function isEnrolled(stateFolder: string): Promise<boolean> {
  return access(join(stateFolder, 'identity', 'device.pem')).then(
    () => true,
    () => false,
  );
}
