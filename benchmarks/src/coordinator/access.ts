/** Operators and enrolled devices of the measured coordinator. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applySigned, parseTask } from '@starling/coordinator';
import { makeCertificateRequest } from '@starling/edge-agent';
import {
  type ClientSecurity,
  type Connection,
  connect,
  createClient,
  EnrolmentService,
  FleetService,
  OperationsService,
  privateKeyFromSeed,
  privateKeyPem,
  type ServiceClient,
} from '@starling/proto';
import type { MeasuredCoordinator } from './processes.js';

const owner = privateKeyFromSeed(Buffer.alloc(32, 1));

export interface BenchmarkOperator {
  readonly operations: ServiceClient<typeof OperationsService>;
  readonly connection: Connection;
  /** What client processes enrol with. */
  readonly access: DeviceAccess;
  applyTask(definitionJson: string): Promise<void>;
}

export interface DeviceAccess {
  /** PEM. */
  readonly authority: string;
  readonly token: string;
}

export async function connectOperator(
  { address, folder }: Pick<MeasuredCoordinator, 'address' | 'folder'>,
  devices: number,
): Promise<BenchmarkOperator> {
  const authority = await readFile(join(folder, 'authority', 'authority.pem'), 'utf8');
  const token = (await readFile(join(folder, 'admin.token'), 'utf8')).trim();
  const connection = connect(address, { security: { kind: 'tls', authority }, token });
  const operations = createClient(OperationsService, connection);
  const settings = { group: 'bench', deviceId: '', lifetimeMs: 3_600_000, usesMax: devices };
  const { text } = await createClient(FleetService, connection).createToken(settings);
  return {
    operations,
    connection,
    access: { authority, token: text },
    async applyTask(definitionJson) {
      await applySigned(operations, parseTask(definitionJson), owner);
    },
  };
}

/** Enrols devices over one connection and gives what each of them shows. */
export async function enrolDevices(
  address: string,
  { authority, token }: DeviceAccess,
  deviceIds: readonly string[],
): Promise<readonly ClientSecurity[]> {
  const connection = connect(address, { security: { kind: 'tls', authority } });
  const enrolment = createClient(EnrolmentService, connection);
  try {
    return await Promise.all(
      deviceIds.map(async (deviceId): Promise<ClientSecurity> => {
        const seed = Buffer.alloc(32);
        seed.write(deviceId);
        const key = privateKeyFromSeed(seed);
        const certificateRequest = await makeCertificateRequest(key, deviceId);
        const { outcome } = await enrolment.enrol({ token, certificateRequest });
        if (outcome?.kind !== 'certificate') throw new Error(`${deviceId} was not certified`);
        const certificate = pemOf(outcome.value.certificate);
        return { kind: 'tls', authority, identity: { certificate, privateKey: privateKeyPem(key) } };
      }),
    );
  } finally {
    connection.close();
  }
}

function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
