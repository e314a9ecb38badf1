/** A release on its way from an operator's command to a device's answers, over real processes; and a bad one on its way back. */
import { afterAll, expect, test } from 'vitest';
import { createScope, startCoordinatorProcess, temporaryFolder, until } from '../support/index.js';
import { releasing, scalingModel, startServingDevice } from '../support/releasing.js';

const scope = createScope();
afterAll(() => scope.close());

test('a device takes over a release, goes back from one that kills it, and passes over one that is not finite', async () => {
  const folder = await temporaryFolder(scope, 'releases');
  const coordinator = await startCoordinatorProcess(scope, { folder: `${folder}/coordinator` });
  const { starling, publish, rollOut, rolloutState } = await releasing(scope, coordinator, folder);
  let device = await startServingDevice(scope, coordinator, folder, 'gateway');
  expect(await device.answer()).toBeUndefined();

  const describe = () => device.process.lines().slice(-12).join('\n');
  const answers = (value: number) =>
    until(`the answer ${value}`, async () => (await device.answer()) === value || undefined, { describe });
  const ends = (version: number, state: string) =>
    until(`that rollout ${version} is ${state}`, async () =>
      (await rolloutState(version)) === state ? true : undefined,
    );

  await starling('release', 'init');
  await publish(1, scalingModel(2), '--watch-minutes', '0.005');
  await starling('rollout', 'start', 'pump', '1', '--stages', '100', '--failures', '0');
  await answers(2);
  await ends(1, 'completed');

  // A crash in the watch, of which none is allowed: the next process serves what was before, and the rollout stops.
  await publish(2, scalingModel(3), '--watch-minutes', '10', '--crashes', '0');
  await rollOut(2);
  await answers(3);
  await device.process.end('SIGKILL');
  device = await startServingDevice(scope, coordinator, folder, 'gateway');
  expect(await device.answer()).toBe(2);
  await ends(2, 'stopped');

  await publish(3, scalingModel(Number.POSITIVE_INFINITY));
  await rollOut(3);
  await ends(3, 'stopped');
  expect(await device.answer()).toBe(2);
  const status = await starling('release', 'status');
  expect(status).toContain('An answer of it is not finite.');
  expect(status).toContain('The process ended 1 times while it was watched.');
  expect((await device.process.end()).code).toBe(0);
}, 90_000);
