import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { createVirtualClock } from '@starling/federation';
import { expect, onTestFinished, test, vi } from 'vitest';
import { closeGraceMs, hasLeft, listen } from './http-doors.js';
import { openGrpcDoor } from './inference/grpc/server.js';
import { createInferenceService } from './inference/index.js';

const at = { host: '127.0.0.1', port: 0 } as const;

/** A caller that sends this and then nothing any more. */
async function caller(address: string, bytes: string) {
  const [host, port] = address.split(':');
  // It does not end its side either, where the door ends its own.
  const socket = connect({ port: Number(port), host, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(bytes, 'latin1');
  return socket;
}

test.each([
  ['body', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{'],
  ['headers', 'GET / HT'],
])('who never ends its %s does not keep a door from closing', async (_what, bytes) => {
  const clock = createVirtualClock();
  const left: boolean[] = [];
  const server = createServer((request) => {
    request.resume().on('error', () => left.push(hasLeft(request)));
  });
  const door = await listen(server, { ...at, clock });
  await caller(door.address, bytes);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const closed = door.close();
  clock.advance(closeGraceMs);
  await closed;
  await vi.waitFor(() => expect(left).toEqual(bytes.startsWith('POST') ? [true] : []));
});

test('who has its answer, and nothing more to ask, is not waited for', async () => {
  const server = createServer((request, response) => response.end(`${hasLeft(request)}`));
  const door = await listen(server, { ...at, clock: createVirtualClock() });
  const socket = await caller(door.address, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  expect(String((await once(socket, 'data'))[0])).toMatch(/200 OK.*false/s);
  await door.close();
});

test('a connection of gRPC that does not hear that the door closes does not keep it open', async () => {
  const clock = createVirtualClock();
  const service = createInferenceService(clock);
  const door = await openGrpcDoor(service, { ...at, clock, onInternalError() {} });
  // Preface and empty settings (RFC 9113, section 3.4).
  const socket = await caller(door.address, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
  await once(socket, 'data');
  const closed = door.close();
  clock.advance(closeGraceMs);
  await closed;
});
