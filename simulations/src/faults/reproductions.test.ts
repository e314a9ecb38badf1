/** What hunts found and what was mended, as the operations that showed it: each failed before its mending, and holds now. */
import { beforeAll, expect, test } from 'vitest';
import type { Template } from '../world/world.js';
import { makeFaultTemplate } from './fleet.js';
import type { Operation } from './operation.js';
import { runSeed } from './run-seed.js';

interface Reproduction {
  readonly what: string;
  /** Decides what the operations do not: ways of messages, draws, when disks are slow. */
  readonly seed: number;
  readonly operations: readonly Operation[];
}

const reproductions: readonly Reproduction[] = [
  {
    what: 'an upload that came as its round ended was told of a missing file, not that the round is over',
    seed: 574,
    operations: [
      { atMs: 207, kind: 'start-run', task: 'private' },
      { atMs: 718, kind: 'start-run', task: 'masked' },
    ],
  },
  {
    what: 'a certificate with bytes in place of a key, from one device, failed what others said in the same batch',
    seed: 4436,
    operations: [
      { atMs: 45, kind: 'misbehave', device: 'device-4', how: 'flip-bits', ms: 7_921 },
      { atMs: 333, kind: 'start-run', task: 'masked' },
    ],
  },
];

let template: Template;
beforeAll(async () => {
  template = await makeFaultTemplate();
});

test.each(reproductions)('$what', async ({ seed, operations }) => {
  expect((await runSeed(seed, operations, template)).violation).toBeUndefined();
});
