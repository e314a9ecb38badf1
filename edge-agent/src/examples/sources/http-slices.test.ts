import { expect, test } from 'vitest';
import { soundInput, testHttpDoor } from '../../testing/http-door.js';
import { testHttpSource } from '../../testing/http-source.js';
import { testRecorder } from '../../testing/recorder.js';

test('the model is asked and answers while a payload of 65,000 rows is stored', async () => {
  const features = Array.from({ length: 14 }, (_, index) => ({
    name: `f${index}`,
    dataType: 'float32',
    shape: [],
    range: [-1, 1],
  }));
  const target = { kind: 'class', name: 'side', classes: 2 };
  const { recorder, database } = await testRecorder({ features, target });
  const { address } = await testHttpSource(recorder);
  const row = Object.fromEntries([...features.map(({ name }) => [name, 0.5]), ['side', 1]]);
  const rows = JSON.stringify(Array.from({ length: 65_000 }, () => row));
  const { post } = await testHttpDoor();
  const question = JSON.stringify({ inputs: [soundInput] });
  const stored = database.prepare<[], number>('SELECT count(*) FROM examples').pluck();

  let done = false;
  const storing = fetch(`http://${address}/examples/t`, {
    method: 'POST',
    body: rows,
    headers: { 'content-type': 'application/json' },
  }).finally(() => {
    done = true;
  });
  let answeredMeanwhile = 0;
  while (!done) {
    const { status } = await post(question);
    expect(status).toBe(200);
    const count = stored.get() ?? 0;
    if (count > 0 && count < 65_000) answeredMeanwhile += 1;
  }
  expect(await (await storing).json()).toEqual({ accepted: 65_000, quarantined: 0, examples: 65_000 });
  expect(answeredMeanwhile).toBeGreaterThan(10);
});
