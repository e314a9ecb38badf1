/** A device as it is configured: what comes in over HTTP is trained on, in a process of its own, by the command itself. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from './adapters/system-clock.js';
import { readConfiguration } from './commands/configuration.js';
import { agentMigrations } from './migrations.js';
import { startServices } from './services.js';
import { ownDatabase } from './state/owned-database.js';
import { contract, offer, smallExamples, smallTask, temporaryFolder } from './testing/small-task.js';
import { agent, coordinator, key } from './testing/start.js';
import { defaultIsolation, isolatedTraining } from './training/isolated/runtime.js';

const log = { info() {}, warn() {}, error() {} };

test('recorded examples are trained on in a process of its own; the next round sees those that came since', async () => {
  const folder = await temporaryFolder();
  const stateFolder = await temporaryFolder();
  await writeFile(join(folder, 'sides.yaml'), JSON.stringify(contract));
  await writeFile(
    join(folder, 'agent.yaml'),
    'coordinator: localhost:1\nstate: s\ningestion:\n  http: 127.0.0.1:0\n  recordings:\n    sides: { contract: sides.yaml }\n',
  );
  const configuration = await readConfiguration({ config: join(folder, 'agent.yaml') });
  const database = ownDatabase(stateFolder, agentMigrations);
  onTestFinished(() => database.close());
  const clock = systemClock();
  const services = await startServices({ ...configuration.services, stateFolder, database, clock, log });
  onTestFinished(() => services.stop());
  const rows = await readFile(join(await smallExamples(), 'examples.csv'), 'utf8');
  const post = async () => {
    const url = `http://${services.ingestion?.addresses.examples}/examples/sides`;
    const response = await fetch(url, {
      method: 'POST',
      body: rows,
      headers: { 'content-type': 'text/csv' },
    });
    expect(await response.json()).toEqual({ accepted: 40, quarantined: 0, examples: 40 });
  };
  await post();

  const peer = await coordinator();
  const task = smallTask();
  peer.script.assignments.push(offer(peer, task));
  const runtime = isolatedTraining({ settings: defaultIsolation, gate: undefined, clock: systemClock() });
  await agent(peer, {
    stateFolder,
    examples: new Map(),
    recorded: services.ingestion?.recorded,
    ports: { runtime },
  });
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  expect(peer.failures).toEqual([]);
  const [first] = peer.updates;
  expect(first.header.exampleCount).toBeGreaterThan(20);
  expect(first.header.exampleCount).toBeLessThan(40);
  await post();
  peer.script.assignments.push(offer(peer, task, { round: key(2) }));
  await peer.until(() => peer.updates.length + peer.failures.length > 1);
  expect(peer.failures).toEqual([]);
  expect(peer.updates[1].header.exampleCount).toBeGreaterThan(40);
});
