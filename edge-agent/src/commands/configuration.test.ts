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

const withTopic = (topic: string, url = 'mqtt://localhost'): string =>
  `${complete}ingestion: {broker: {url: "${url}"}, recordings: {v: {contract: v.yaml, mqtt: [{topic: "${topic}", format: csv}]}}}\n`;

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
  [
    'hours that end as they begin',
    `${complete}conditions: {hours: ["00:00-00:00"]}\n`,
    /conditions\.hours.*leave "hours" out/,
  ],
  ['what is not YAML', 'a: [', /not YAML/],
  ['a file without a coordinator', 'state: s\nexamples: {a: b}\n', /--coordinator host:port/],
  ['a file without examples', 'coordinator: a:1\nstate: s\n', /TASK=FOLDER/],
  [
    'results of what is not recorded',
    `${complete}inference: {models: m, results: [{recording: pump, model: m, topic: "a/{source}"}]}\n`,
    /"pump"; "ingestion.recordings" has none/,
  ],
  [
    'a port that is none',
    `${complete}inference: {models: m, http: "127.0.0.1:99999"}\n`,
    /inference\.http: .*65535/,
  ],
  ['a broker of files', withTopic('a/b', 'ftp://x'), /ingestion\.broker\.url: write mqtt:/],
  ['a topic of everything', withTopic('a/#'), /ingestion\.recordings\.v\.mqtt\.0\.topic: "#"/],
  [
    'an answer to nowhere',
    `${complete}inference: {models: m, mqtt: [{topic: "a/{b}", model: m, answer: "a/{c}"}]}\n`,
    /inference\.mqtt\.0\.answer: .*\{c\}/,
  ],
  [
    'results to everywhere',
    `${complete}inference: {models: m, results: [{recording: v, model: m, topic: "{source}"}]}\n`,
    /inference\.results\.0\.topic: /,
  ],
  [
    'topics without a broker',
    `${complete}ingestion: {recordings: {v: {contract: v.yaml, mqtt: [{topic: a, format: csv}]}}}\n`,
    /ingestion\.recordings\.v\.mqtt.*ingestion\.broker\.url/,
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
