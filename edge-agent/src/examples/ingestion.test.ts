import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { payloadOf, testRecorder } from '../testing/recorder.js';
import { temporaryFolder } from '../testing/small-task.js';
import { startIngestion } from './ingestion.js';

test('where nothing can be removed, as on a full disk, recording starts and goes on, and says so', async () => {
  const contract = `features: [{ name: x, dataType: float32, shape: [], range: [-1, 1] }]
target: { kind: class, name: side, classes: 2 }
retention: { days: 1 }
`;
  const folder = await temporaryFolder();
  const path = join(folder, 't.yaml');
  await writeFile(path, contract);
  const { database, store, recorder, clock } = await testRecorder({
    features: [{ name: 'x', dataType: 'float32', shape: [], range: [-1, 1] }],
    target: { kind: 'class', name: 'side', classes: 2 },
  });
  await recorder.record('s', 'json', payloadOf({ x: 0.5 }));
  clock.advance(2 * 86_400_000);
  database.exec(`
    CREATE TEMP TRIGGER disk_full BEFORE DELETE ON examples BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
  const warnings: unknown[] = [];
  const ingestion = await startIngestion({
    ...{ database, clock, clientId: 'd', recordings: new Map([['t', { contract: path }]]) },
    log: { info() {}, error() {}, warn: (fields, message) => void warnings.push({ ...fields, message }) },
  });
  onTestFinished(() => ingestion.close());
  clock.advance(3_600_000);
  const told = {
    task: 't',
    error: expect.stringMatching(/full/),
    message: expect.stringMatching(/make room/),
  };
  expect(warnings).toEqual([told, told]);
  database.exec('DROP TRIGGER temp.disk_full');
  clock.advance(3_600_000);
  expect(store.statistics('t')).toMatchObject({ examples: 0, expired: 1 });
});
