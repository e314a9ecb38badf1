import { expect, test } from 'vitest';
import { payloadOf, testRecorder } from '../testing/recorder.js';
import type { Recording } from './recording.js';

const wide = {
  features: Array.from({ length: 15 }, (_, index) => ({
    name: `f${index}`,
    dataType: 'float32',
    shape: [],
    range: [-1, 1],
  })),
  target: { kind: 'class', name: 'side', classes: 2 },
  labels: { join: 'id' },
};
const count = 20_000;
const rowsOf = ({ contract }: Recording): readonly object[] =>
  Array.from({ length: count }, (_, row) => ({
    id: row,
    ...Object.fromEntries(contract.features.map(({ name }, index) => [name, ((row + index) % 9) / 10])),
  }));
const csvOf = (rows: readonly object[]): string =>
  [Object.keys(rows[0]), ...rows.map(Object.values)].map((cells) => cells.join(',')).join('\n');

test.each(['json', 'csv'] as const)(
  'a large payload of %s leaves others their turns, all along',
  async (format) => {
    const { recorder, database } = await testRecorder(wide, { isHasty: true });
    const stored = database.prepare<[], number>('SELECT count(*) FROM examples').pluck();
    const rows = rowsOf(recorder.recording);
    const seen: number[] = [];
    let done = false;
    const turn = (): void => {
      if (done) return;
      seen.push(stored.get() ?? 0);
      setImmediate(turn);
    };
    setImmediate(turn);
    const recorded = await recorder.record('s', format, payloadOf(format === 'json' ? rows : csvOf(rows)));
    done = true;
    seen.push(stored.get() ?? 0);
    expect(recorded).toEqual({ accepted: count, quarantined: 0, examples: count });
    // While it is read, and then while its rows are stored.
    expect(seen.filter((number) => number === 0).length).toBeGreaterThan(10);
    const steps = seen.map((number, at) => number - (seen[at - 1] ?? 0));
    expect(Math.max(...steps)).toBeLessThan(count / 20);
  },
);

test('payloads are stored in the order in which they came, however large the first one is', async () => {
  const { recorder, store } = await testRecorder(wide, { isHasty: true });
  const rows = rowsOf(recorder.recording);
  await Promise.all([
    recorder.record('large', 'json', payloadOf(rows)),
    recorder.record('small', 'json', payloadOf({ ...rows[0], id: 'last' })),
    recorder.recordLabels(
      'lab',
      'json',
      payloadOf([
        { id: 'last', side: 1 },
        { id: count - 1, side: 1 },
      ]),
    ),
  ]);
  const [newest, before] = store.newest('t', 2);
  expect([newest.id, before.id]).toEqual(['last', String(count - 1)]);
  expect(store.statistics('t')).toMatchObject({ examples: count + 1, labelled: 2, labelsWaiting: 0 });
});

test('a disk that is full in the middle fails the payload, and when it comes again each row is stored once', async () => {
  const { recorder, store, database } = await testRecorder(wide, { isHasty: true });
  const payload = payloadOf(rowsOf(recorder.recording));
  database.pragma('max_page_count = 400');
  await expect(recorder.record('s', 'json', payload)).rejects.toMatchObject({ code: 'SQLITE_FULL' });
  expect(store.statistics('t').examples).toBeLessThan(count);
  database.pragma('max_page_count = 1000000');
  const { examples: before } = store.statistics('t');
  expect(await recorder.record('s', 'json', payload)).toEqual({
    accepted: count,
    quarantined: 0,
    examples: count - before,
  });
  expect(store.statistics('t').examples).toBe(count);
});
