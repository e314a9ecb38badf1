/** What no coordinator on this machine can beat: its disk, its hashing, its arithmetic, bare gRPC. */
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAccumulator,
  createSeededEntropy,
  encodeUpdate,
  foldUpdate,
  uniform,
} from '@starling/federation';
import type { Figure } from '../figure.js';
import { median, rounded } from '../figure.js';
import type { CoordinatorOptions } from './options.js';
import { encodings, parameterCountOf } from './task.js';

const repetitions = 7;

export async function* measureLimits({ parameters }: CoordinatorOptions): AsyncGenerator<Figure> {
  const parameterCount = parameterCountOf(parameters);
  const entropy = createSeededEntropy('limits');
  const delta = Float32Array.from({ length: parameterCount }, () => uniform(entropy) - 0.5);
  const payload = encodeUpdate(delta, encodings.float32, entropy);
  const quantized = encodeUpdate(delta, encodings['8bit'], entropy);
  const accumulator = createAccumulator(parameterCount);
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
  try {
    yield limit('diskWriteLimit', payload, await time(() => writeAndSync(join(folder, 'payload'), payload)));
    yield limit('sha256Limit', payload, await time(() => void createHash('sha256').update(payload).digest()));
    yield limit(
      'foldLimit',
      payload,
      await time(() => foldUpdate(accumulator, payload, encodings.float32, 10)),
    );
    yield limit(
      'fold8bitLimit',
      quantized,
      await time(() => foldUpdate(accumulator, quantized, encodings['8bit'], 10)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function limit(metric: string, payload: Uint8Array, seconds: number): Figure {
  const value = rounded(payload.byteLength / 1e6 / seconds);
  return { benchmark: 'coordinator', case: 'one update', metric, unit: 'MB/s', value };
}

/** Median seconds of one call; the first, which warms up, is not counted. */
async function time(work: () => Promise<void> | void): Promise<number> {
  await work();
  const seconds: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const startedAt = performance.now();
    await work();
    seconds.push((performance.now() - startedAt) / 1000);
  }
  return median(seconds);
}

async function writeAndSync(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
}
