import { PassThrough } from 'node:stream';
import { createVirtualClock } from '@starling/federation';
import { expect, test } from 'vitest';
import { runProgress } from './progress.js';

function shown(json: boolean) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const clock = createVirtualClock();
  const { signal } = new AbortController();
  const progress = runProgress({ out, err, env: {}, clock, signal }, { json }, 4, 'digits');
  for (const round of [1, 2, 3, 4]) {
    const measured = { updates: 1, selected: 1, lost: 0, examples: 6, downloadBytes: 0, uploadBytes: 0 };
    const test = { accuracy: round / 10 };
    progress.show({ round, ...measured, training: { accuracy: 0 }, test, exact: true });
    clock.advance(3_000);
  }
  progress.close();
  return { out: String(out.read() ?? ''), err: String(err.read() ?? '') };
}

test('without a terminal a line comes every few seconds, and one for the last round', () => {
  expect(shown(false)).toEqual({
    out: '',
    err: [
      'digits: round 1/4  accuracy 0.1000  (test)',
      'digits: round 3/4  accuracy 0.3000  (test)',
      'digits: round 4/4  accuracy 0.4000  (test)',
      '',
    ].join('\n'),
  });
});

test('programs get a record a line, and nothing else', () => {
  const { out, err } = shown(true);
  const rounds = out
    .trimEnd()
    .split('\n')
    .map((line): number => JSON.parse(line).round);
  expect(rounds).toEqual([1, 2, 3, 4]);
  expect(err).toBe('');
});
