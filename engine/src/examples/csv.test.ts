import { expect, test } from 'vitest';
import { ExamplesError, type FeatureContract, openExamplesFolder } from './index.js';
import { folderWith } from './testing/write-arrays.js';

const contract: FeatureContract = {
  features: [
    { name: 'speed', dataType: 'float32', shape: [], range: [0, 100], scale: 0.1, offset: 0 },
    { name: 'axes', dataType: 'int16', shape: [2], range: [-1000, 1000], scale: 1, offset: 0 },
  ],
  target: { kind: 'number', name: 'load', shape: [], range: [-1, 1] },
};

async function open(csv: string, bytesMax?: number) {
  const folder = await folderWith({ 'examples.csv': csv });
  return openExamplesFolder(folder, contract, bytesMax === undefined ? undefined : { bytesMax });
}

test('finds columns by name, in any order, among others', async () => {
  const source = await open('time,axes.1,load,"speed",axes.0\r\n12:00,2,0.5,10,1\r\n12:01,-4,-1,2.5e1,3\r\n');
  const features = new Float32Array(6);
  const targets = new Float32Array(2);
  source.readFeatures(Uint32Array.of(0, 1), features);
  source.readTargets(Uint32Array.of(0, 1), targets);
  expect([...features]).toEqual([1, 1, 2, 2.5, 3, -4]);
  expect([...targets]).toEqual([0.5, -1]);
});

test('takes a byte order mark and as many rows as there are', async () => {
  const rows = Array.from({ length: 300 }, (_, index) => `${index % 100},${index},${-index},0`);
  const source = await open(`\ufeffspeed,axes.0,axes.1,load\n${rows.join('\n')}`);
  const features = new Float32Array(3);
  source.readFeatures(Uint32Array.of(299), features);
  expect(source.count).toBe(300);
  expect([...features]).toEqual([Math.fround(9.9), 299, -299]);
});

const header = 'speed,axes.0,axes.1,load\n';
test.each([
  ['a missing column', 'speed,axes.0,load\n1,2,0\n', 'examples/contract-broken', '"axes.1"'],
  ['a repeated column', 'speed,speed,axes.0,axes.1,load\n', 'examples/contract-broken', 'same name'],
  ['an empty file', '', 'examples/contract-broken', 'empty'],
  ['no rows', header, 'examples/contract-broken', 'no examples'],
  ['a short row', `${header}1,2,3,0\n1,2\n`, 'examples/contract-broken', 'line 3'],
  ['an empty field', `${header}1,,3,0\n`, 'examples/contract-broken', 'column "axes.0"'],
  ['hexadecimal', `${header}0x10,2,3,0\n`, 'examples/contract-broken', 'column "speed"'],
  ['infinity', `${header}1e999,2,3,0\n`, 'examples/contract-broken', 'column "speed"'],
  ['NaN', `${header}NaN,2,3,0\n`, 'examples/contract-broken', 'column "speed"'],
  ['a fraction in an integer', `${header}1,2.5,3,0\n`, 'examples/contract-broken', 'whole number'],
  ['an integer that does not fit', `${header}1,40000,3,0\n`, 'examples/contract-broken', 'int16'],
  ['a value out of range', `${header}1,2,3,0\n1,2,3,1.5\n`, 'examples/contract-broken', 'row 1'],
  ['a stray quote', `${header}1,2"3,3,0\n`, 'examples/file-malformed', 'line 2'],
])('refuses %s', async (_what, csv, code, says) => {
  const error: unknown = await open(csv).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ExamplesError);
  expect(error).toMatchObject({ code });
  expect(String(error)).toContain(says);
});

test('bounds what it holds', async () => {
  const rows = Array.from({ length: 100 }, () => '1,2,3,0').join('\n');
  await expect(open(header + rows, 100 * 12)).resolves.toMatchObject({ count: 100 });
  await expect(open(header + rows, 99 * 12)).rejects.toMatchObject({ code: 'examples/too-large' });
});

test('refuses what is not UTF-8', async () => {
  const folder = await folderWith({ 'examples.csv': Buffer.from([0x73, 0xff, 0xfe, 0x0a]) });
  await expect(openExamplesFolder(folder, contract)).rejects.toMatchObject({
    code: 'examples/file-malformed',
  });
});
