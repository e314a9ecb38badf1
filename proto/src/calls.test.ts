import { once } from 'node:events';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { statusToError } from './error.js';
import {
  CheckInService,
  createClient,
  createServer,
  listen,
  MESSAGE_BYTES_MAX,
  RoundService,
  requireField,
  StarlingError,
} from './index.js';
import { passBytes } from './service.js';
import { failure, key, start, stateRequest, stateResponse, stopAll } from './testing/loopback.js';

afterEach(stopAll);

test('a unary call carries request and response, and what the caller said about itself', async () => {
  const seen: unknown[] = [];
  const { round } = await start({
    round: {
      getRoundState: async (request, context) => {
        seen.push(
          request,
          context.peer.startsWith('127.0.0.1:'),
          context.deadlineAtMs,
          context.signal.aborted,
        );
        return stateResponse;
      },
    },
  });
  expect(await round.getRoundState(stateRequest)).toEqual(stateResponse);
  expect(seen).toEqual([stateRequest, true, Number.POSITIVE_INFINITY, false]);
});

test('a typed error arrives with everything it says', async () => {
  const sent = new StarlingError({
    code: 'ROUND_UNKNOWN',
    status: 'failed-precondition',
    message: 'There is no round 7 – “sieben”.',
    remedy: 'Check in again.',
    retryAfterMs: 1500,
  });
  const { round, internal } = await start({ round: { getRoundState: () => Promise.reject(sent) } });
  const { code, status, message, remedy, retryAfterMs, grpcStatus } = await failure(
    round.getRoundState(stateRequest),
  );
  expect({ code, status, message, remedy, retryAfterMs, grpcStatus }).toEqual({
    code: sent.code,
    status: sent.status,
    message: sent.message,
    remedy: sent.remedy,
    retryAfterMs: 1500,
    grpcStatus: 9,
  });
  expect(internal).toEqual([]);
});

test('an unexpected error tells the caller nothing but INTERNAL, and the server everything', async () => {
  const { round, internal } = await start({
    round: { getRoundState: () => Promise.reject(new Error('password is hunter2')) },
  });
  const error = await failure(round.getRoundState(stateRequest));
  expect(error).toMatchObject({ code: 'INTERNAL', status: 'internal' });
  expect(error.message).not.toContain('hunter2');
  expect(internal).toEqual([new Error('password is hunter2')]);
});

test('a response that cannot be encoded is an internal error, not a hang', async () => {
  const { round } = await start({
    round: { getRoundState: async () => ({ ...stateResponse, deadlineMs: -1 }) },
  });
  expect(await failure(round.getRoundState(stateRequest))).toMatchObject({ code: 'INTERNAL' });
});

test('a required message that is absent is named', async () => {
  const { round } = await start({
    round: {
      getRoundState: async (request) => {
        requireField(request.round, 'GetRoundStateRequest.round');
        return stateResponse;
      },
    },
  });
  const error = await failure(round.getRoundState({ deviceId: 'd' }));
  expect(error).toMatchObject({ code: 'FIELD_MISSING', status: 'invalid-argument' });
  expect(error.message).toContain('GetRoundStateRequest.round');
});

test('bytes that are no message are refused as MALFORMED_MESSAGE, unary and in a stream', async () => {
  const { port } = await start({
    round: {
      uploadUpdate: async (requests) => {
        for await (const _ of requests);
        return { newlyCounted: true };
      },
    },
  });
  const raw = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const garbage = Buffer.from([10, 200, 1, 2, 3]);
  const answer = (start: (callback: (error: ServiceError | null) => void) => void): Promise<StarlingError> =>
    new Promise((resolve, reject) =>
      start((error) => (error ? resolve(statusToError(error)) : reject(new Error('accepted')))),
    );
  const unary = await answer((done) =>
    raw.makeUnaryRequest(RoundService.methods.getRoundState.path, passBytes, passBytes, garbage, done),
  );
  expect(unary).toMatchObject({ code: 'MALFORMED_MESSAGE', status: 'invalid-argument' });
  expect(unary.message).toContain('starling.v1.GetRoundStateRequest');
  const stream = await answer((done) => {
    const call = raw.makeClientStreamRequest(
      RoundService.methods.uploadUpdate.path,
      passBytes,
      passBytes,
      done,
    );
    call.on('error', () => {});
    call.end(garbage);
  });
  expect(stream).toMatchObject({ code: 'MALFORMED_MESSAGE' });
  raw.close();
});

test('oversized messages are refused with a typed error in both directions, and the connection lives on', async () => {
  const tooLong = 'x'.repeat(MESSAGE_BYTES_MAX + 1);
  const { round } = await start({
    round: {
      getRoundState: async (request) => ({
        ...stateResponse,
        reason: request.deviceId === 'long' ? tooLong : '',
      }),
    },
  });
  const up = await failure(round.getRoundState({ round: key, deviceId: tooLong }));
  expect(up).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 'resource-exhausted' });
  const down = await failure(round.getRoundState({ round: key, deviceId: 'long' }));
  expect(down).toMatchObject({ code: 'MESSAGE_TOO_LARGE', status: 'resource-exhausted' });
  expect(await round.getRoundState(stateRequest)).toEqual(stateResponse);
});

test('an aborted unary call rejects with the reason, and the handler hears of it', async () => {
  const entered = new AbortController();
  const left = new AbortController();
  const { round } = await start({
    round: {
      getRoundState: async (_request, context) => {
        entered.abort();
        await once(context.signal, 'abort');
        left.abort();
        return stateResponse;
      },
    },
  });
  const controller = new AbortController();
  const call = round.getRoundState(stateRequest, { signal: controller.signal });
  if (!entered.signal.aborted) await once(entered.signal, 'abort');
  const reason = new Error('changed my mind');
  controller.abort(reason);
  await expect(call).rejects.toBe(reason);
  if (!left.signal.aborted) await once(left.signal, 'abort');
  await expect(round.getRoundState(stateRequest, { signal: controller.signal })).rejects.toBe(reason);
});

test('a deadline ends a call that does not answer', async () => {
  const { round } = await start({
    round: {
      getRoundState: async (_request, context) => {
        await once(context.signal, 'abort');
        return stateResponse;
      },
    },
  });
  const error = await failure(round.getRoundState(stateRequest, { deadlineAtMs: Date.now() + 50 }));
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 'deadline-exceeded' });
});

test('a server that is not there is UNAVAILABLE, with what to check', async () => {
  const { stop, round } = await start({});
  stop();
  const error = await failure(round.getRoundState(stateRequest));
  expect(error).toMatchObject({ code: 'UNAVAILABLE', status: 'unavailable' });
  expect(error.remedy).toContain('coordinator');
});

test('an address that is taken is a typed error', async () => {
  const { port } = await start({});
  expect(await failure(listen(createServer(), '127.0.0.1', port))).toMatchObject({
    code: 'ADDRESS_UNAVAILABLE',
  });
});

test('a service the server does not have is UNIMPLEMENTED', async () => {
  const { connection } = await start({});
  const checkIn = createClient(CheckInService, connection);
  const request = { deviceId: 'd', protocolRevision: 1, taskNames: [], holdMsMax: 0 };
  expect(await failure(checkIn.checkIn(request))).toMatchObject({ code: 'UNIMPLEMENTED' });
});
