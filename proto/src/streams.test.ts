import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { CHUNK_BYTES_MAX, StarlingError, type UploadUpdateRequest } from './index.js';
import { failure, key, start, stopAll } from './testing/loopback.js';

afterEach(stopAll);

const header = (offsetBytes = 0): UploadUpdateRequest => ({
  part: {
    kind: 'header',
    value: {
      round: key,
      deviceId: 'd',
      sizeBytes: 1,
      sha256: new Uint8Array(32),
      offsetBytes,
      exampleCount: 1,
      trainingMs: 1,
    },
  },
});

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test('an upload streams chunks in order and is answered once', async () => {
  const received: number[] = [];
  const { round } = await start({
    round: {
      uploadUpdate: async (requests) => {
        for await (const { part } of requests) {
          if (part?.kind === 'chunk') received.push(part.value[0]);
        }
        return { newlyCounted: true };
      },
    },
  });
  const chunks = Array.from(
    { length: 20 },
    (_, index): UploadUpdateRequest => ({
      part: { kind: 'chunk', value: new Uint8Array(CHUNK_BYTES_MAX).fill(index) },
    }),
  );
  expect(await round.uploadUpdate([header(), ...chunks])).toEqual({ newlyCounted: true });
  expect(received).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

// Were the buffers unbounded, the source would be asked for all its messages before the first was read.
test('an upload does not run ahead of a server that reads slowly', async () => {
  const count = 200;
  let asked = 0;
  let read = 0;
  let aheadMax = 0;
  const { round } = await start({
    round: {
      uploadUpdate: async (requests) => {
        for await (const _ of requests) {
          for (let turn = 0; turn < 5; turn += 1) await nextTurn();
          read += 1;
          aheadMax = Math.max(aheadMax, asked - read);
        }
        return { newlyCounted: true };
      },
    },
  });
  async function* chunks(): AsyncGenerator<UploadUpdateRequest> {
    for (; asked < count; asked += 1) {
      yield { part: { kind: 'chunk', value: new Uint8Array(CHUNK_BYTES_MAX) } };
    }
  }
  expect(await round.uploadUpdate(chunks())).toEqual({ newlyCounted: true });
  expect(read).toBe(count);
  expect(aheadMax).toBeLessThan(count / 2);
});

test('an upload that is refused early ends early, and its source is closed', async () => {
  const { round } = await start({
    round: {
      uploadUpdate: async (requests) => {
        for await (const _ of requests) {
          throw new StarlingError({ code: 'UPDATE_TOO_LONG', status: 'out-of-range', message: 'Too long.' });
        }
        return { newlyCounted: false };
      },
    },
  });
  let closed = false;
  async function* endless(): AsyncGenerator<UploadUpdateRequest> {
    try {
      yield header();
      while (true) yield { part: { kind: 'chunk', value: new Uint8Array(CHUNK_BYTES_MAX) } };
    } finally {
      closed = true;
    }
  }
  expect(await failure(round.uploadUpdate(endless()))).toMatchObject({ code: 'UPDATE_TOO_LONG' });
  await expect.poll(() => closed).toBe(true);
});

// A reset stream must never look like one that ended, or half an upload passes for a whole one.
test('an upload whose source fails is cancelled and rejects with that failure', async () => {
  const reading = deferred<void>();
  const ended = deferred<unknown>();
  const { round } = await start({
    round: {
      uploadUpdate: async (requests) => {
        try {
          for await (const _ of requests) reading.resolve();
        } catch (error) {
          ended.resolve(error);
        }
        return { newlyCounted: false };
      },
    },
  });
  async function* broken(): AsyncGenerator<UploadUpdateRequest> {
    yield header();
    await reading.promise;
    throw new Error('disk on fire');
  }
  await expect(round.uploadUpdate(broken())).rejects.toThrow('disk on fire');
  expect(await ended.promise).toMatchObject({ code: 'CANCELLED' });
});

test('a download is an iterable that stops the server when it is left', async () => {
  const stopped = deferred<void>();
  const { artifact } = await start({
    artifact: {
      downloadArtifact: async function* (request) {
        try {
          for (let offset = request.offsetBytes; ; offset += CHUNK_BYTES_MAX) {
            yield { offsetBytes: offset, data: new Uint8Array(CHUNK_BYTES_MAX) };
          }
        } finally {
          stopped.resolve();
        }
      },
    },
  });
  const offsets: number[] = [];
  for await (const part of artifact.downloadArtifact({ sha256: new Uint8Array(32), offsetBytes: 3 })) {
    offsets.push(part.offsetBytes);
    if (offsets.length === 3) break;
  }
  expect(offsets).toEqual([3, 3 + CHUNK_BYTES_MAX, 3 + 2 * CHUNK_BYTES_MAX]);
  await stopped.promise;
});

test('a download does not run ahead of a reader that reads slowly', async () => {
  const count = 200;
  let made = 0;
  const { artifact } = await start({
    artifact: {
      downloadArtifact: async function* () {
        for (; made < count; made += 1) {
          yield { offsetBytes: made, data: new Uint8Array(CHUNK_BYTES_MAX) };
        }
      },
    },
  });
  let read = 0;
  let aheadMax = 0;
  for await (const _ of artifact.downloadArtifact({ sha256: new Uint8Array(32), offsetBytes: 0 })) {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    read += 1;
    aheadMax = Math.max(aheadMax, made - read);
  }
  expect(read).toBe(count);
  expect(aheadMax).toBeLessThan(count / 2);
});

test('a download that fails on the way gives what came before, then the typed error', async () => {
  const { artifact } = await start({
    artifact: {
      downloadArtifact: async function* () {
        yield { offsetBytes: 0, data: new Uint8Array(1) };
        throw new StarlingError({ code: 'ARTIFACT_DAMAGED', status: 'data-loss', message: 'Damaged.' });
      },
    },
  });
  let count = 0;
  const read = async (): Promise<void> => {
    for await (const _ of artifact.downloadArtifact({ sha256: new Uint8Array(32), offsetBytes: 0 }))
      count += 1;
  };
  expect(await failure(read())).toMatchObject({ code: 'ARTIFACT_DAMAGED', status: 'data-loss' });
  expect(count).toBe(1);
});

test('an aborted download rejects with the reason', async () => {
  const { artifact } = await start({
    artifact: {
      downloadArtifact: async function* (_request, context) {
        yield { offsetBytes: 0, data: new Uint8Array(1) };
        await once(context.signal, 'abort');
      },
    },
  });
  const controller = new AbortController();
  const reason = new Error('enough');
  const read = async (): Promise<void> => {
    const { signal } = controller;
    for await (const _ of artifact.downloadArtifact(
      { sha256: new Uint8Array(32), offsetBytes: 0 },
      { signal },
    )) {
      controller.abort(reason);
    }
  };
  await expect(read()).rejects.toBe(reason);
});
