import { expect, test } from 'vitest';
import { testHttpSource } from '../../testing/http-source.js';
import { joinedRecorder } from '../../testing/recorder.js';

test('examples and labels come over HTTP, and what is wrong is said', async () => {
  const { store, recorder: made } = await joinedRecorder();
  const { address, internal } = await testHttpSource(made);
  const post = async (path: string, body: string, type = 'application/json') => {
    const response = await fetch(`http://${address}${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });
    return [response.status, await response.json()] as const;
  };
  expect(await post('/examples/t?source=m1', '[{"id":1,"x":0.5},{"x":7}]')).toEqual([
    200,
    { accepted: 1, quarantined: 1, examples: 1 },
  ]);
  expect(await post('/labels/t', 'id,side\n1,1\n', 'text/csv')).toMatchObject([200, { accepted: 1 }]);
  expect(store.statistics('t')).toMatchObject({ examples: 1, labelled: 1, quarantined: { 'range:x': 1 } });
  expect((await post('/examples/u', '{}'))[0]).toBe(404);
  for (const type of ['image/png', 'constructor', '__proto__'])
    expect((await post('/examples/t', '{}', type))[0]).toBe(415);
  expect((await fetch(`http://${address}/examples/t`)).status).toBe(405);
  expect(internal).toEqual([]);
});
