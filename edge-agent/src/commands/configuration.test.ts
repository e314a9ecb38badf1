import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/small-task.js';
import { readConfiguration } from './configuration.js';

async function fileWith(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'agent.yaml');
  await writeFile(path, text);
  return path;
}

const complete = 'coordinator: localhost:7443\nstate: state\nexamples:\n  digits: data/digits\n';

test('paths of a file are meant from where it lies', async () => {
  const config = await fileWith(complete);
  const folder = resolve(config, '..');
  const { coordinator, state, examples } = await readConfiguration({ config });
  expect(coordinator).toBe('localhost:7443');
  expect(state).toBe(join(folder, 'state'));
  expect([...examples]).toEqual([['digits', join(folder, 'data/digits')]]);
});

test('options come before the file and add to its examples', async () => {
  const config = await fileWith(`${complete}threads: 4\n`);
  const read = await readConfiguration({
    config,
    coordinator: 'other:1',
    threads: undefined,
    examples: ['faces=/faces'],
  });
  expect(read.coordinator).toBe('other:1');
  expect(read.threads).toBe(4);
  expect([...read.examples.keys()]).toEqual(['digits', 'faces']);
});

test.each([
  ['an unknown field', `${complete}coordinater: x\n`, /coordinater/],
  ['a thread count that is none', `${complete}threads: many\n`, /threads/],
  ['what is not YAML', 'a: [', /not YAML/],
  ['a file without a coordinator', 'state: s\nexamples: {a: b}\n', /--coordinator host:port/],
  ['a file without examples', 'coordinator: a:1\nstate: s\n', /TASK=FOLDER/],
  [
    'results of what is not recorded',
    `${complete}inference: {models: m, results: [{recording: pump, model: m, topic: "a/{source}"}]}\n`,
    /"pump"; "ingestion.recordings" has none/,
  ],
  ['a coordinator without a port', complete.replace(':7443', ''), /host:port/],
])('refuses %s with what to do', async (_what, text, says) => {
  const reading = readConfiguration({ config: await fileWith(text) });
  await expect(reading).rejects.toMatchObject({ code: 'agent/configuration' });
  await expect(reading).rejects.toThrow(says);
});

test('refuses a file that is not there and examples without a task', async () => {
  await expect(readConfiguration({ config: '/nonexistent.yaml' })).rejects.toThrow(/is not there/);
  const examples = ['digits'];
  await expect(readConfiguration({ coordinator: 'a:1', state: 's', examples })).rejects.toThrow(
    /TASK=FOLDER/,
  );
});
