/** Every call, made by everybody, over real TLS connections: what the table of access says is what is enforced. */
import * as proto from '@starling/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from '../testing/coordinator-fixture.js';
import { audienceOf } from './access.js';

interface Method {
  readonly kind: 'unary' | 'serverStream' | 'clientStream';
  readonly path: string;
}

const methods = Object.entries(proto).flatMap(([name, item]): readonly Method[] =>
  name.endsWith('Service') && typeof item === 'object' && 'methods' in item
    ? Object.values(item.methods)
    : [],
);
let fixture: Fixture;
let anonymous: proto.Connection;
let device: proto.Connection;

beforeAll(async () => {
  fixture = await startFixture();
  const { authority } = fixture.coordinator;
  anonymous = proto.connect(fixture.address, { security: { kind: 'tls', authority } });
  device = await fixture.deviceConnection('somebody');
});

afterAll(async () => {
  anonymous.close();
  await fixture.close();
});

/** Whether the gate lets a call without content through; what it comes to behind it does not matter. */
async function isAdmitted(connection: proto.Connection, { kind, path }: Method): Promise<boolean> {
  const nothing = Buffer.alloc(0);
  try {
    if (kind === 'unary') await connection.unary(path, nothing, {});
    else if (kind === 'clientStream')
      await connection.clientStream(path, { source: [], encode: () => nothing }, {});
    else for await (const _ of connection.serverStream(path, nothing, {})) break;
  } catch (error) {
    if (!(error instanceof proto.StarlingError)) throw error;
    expect(error.code).not.toBe('INTERNAL');
    return !['CERTIFICATE_REQUIRED', 'UNAUTHENTICATED'].includes(error.code);
  }
  return true;
}

test('every call is for whom the table says, and for nobody else', async () => {
  expect(methods.length).toBeGreaterThan(40);
  for (const method of methods) {
    const audience = audienceOf(method.path);
    const admitted = {
      anonymous: await isAdmitted(anonymous, method),
      device: await isAdmitted(device, method),
      operator: await isAdmitted(fixture.operator, method),
    };
    expect({ path: method.path, ...admitted }).toEqual({
      path: method.path,
      anonymous: audience === 'everybody',
      device: audience !== 'operators',
      operator: audience !== 'devices',
    });
  }
});

test('enrolling is the only call for those who have nothing to show', () => {
  const open = methods.filter(({ path }) => audienceOf(path) === 'everybody');
  expect(open.map(({ path }) => path)).toEqual(['/starling.v1.EnrolmentService/Enrol']);
  for (const path of ['/starling.v1.RoundService', '/starling.v1.NewService/Call', '/toString/x', '']) {
    expect(() => audienceOf(path)).toThrow(/nobody said who may call/);
  }
});
