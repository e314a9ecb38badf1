/** Two devices behind one address, whose connections come from the same port to two addresses of the coordinator. */
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Server } from 'node:net';
import { CheckInService, type Connection, connect, createClient } from '@starling/proto';
import { expect, onTestFinished, test } from 'vitest';
import { startFixture, taskJson } from '../testing/coordinator-fixture.js';
import { enrolDevice } from '../testing/devices.js';
import { codeOf } from '../testing/refusals.js';
import { checkInOf } from '../testing/scripted-device.js';

/** Passes connections on to `host`, from the port `localPort`, as an address translation does. */
async function relay(host: string, port: number, localPort: number): Promise<Server> {
  const server = createServer((socket) => {
    const onward = connectTcp({ host, port, localAddress: '127.0.0.1', localPort });
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('nobody speaks for whoever comes from the same address', async () => {
  const fixture = await startFixture({ host: '0.0.0.0' });
  onTestFinished(() => fixture.close());
  await fixture.applyTask(taskJson());
  const { authority } = fixture.coordinator;
  const { port } = fixture.coordinator.address;
  const source = await freePort();
  const connectionOf = async (deviceId: string, host: string): Promise<Connection> => {
    const token = await fixture.token();
    const security = await enrolDevice(`127.0.0.1:${port}`, authority, token, deviceId);
    const { port: relayed } = (await relay(host, port, source)).address() as AddressInfo;
    const connection = connect(`127.0.0.1:${relayed}`, { security });
    onTestFinished(() => connection.close());
    return connection;
  };
  const asks = (connection: Connection, deviceId: string): Promise<string> =>
    codeOf(createClient(CheckInService, connection).checkIn(checkInOf(deviceId, { holdMsMax: 0 })));

  const thief = await connectionOf('thief', '127.0.0.1');
  expect(await asks(thief, 'victim')).toBe('DEVICE_IDENTITY_MISMATCH');
  // The second connection from there is cut, and takes nobody's place.
  const victim = await connectionOf('victim', '127.0.0.2');
  expect(await asks(victim, 'victim')).toBe('UNAVAILABLE');
  expect(await asks(thief, 'victim')).toBe('DEVICE_IDENTITY_MISMATCH');
  thief.close();
  await expect.poll(() => asks(victim, 'victim'), { timeout: 20_000 }).toBe('ANSWERED');
}, 40_000);
