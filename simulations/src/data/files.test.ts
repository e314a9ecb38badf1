import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { parseFeatureContract } from '@starling/engine';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openExamples } from './files.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-sim-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

const contract = parseFeatureContract(
  JSON.stringify({
    features: [
      { name: 'x', dataType: 'float32', shape: [2], range: [-9, 9], scale: 1, offset: 0 },
      { name: 'n', dataType: 'uint8', shape: [], range: [0, 255], scale: 0.5, offset: 1 },
    ],
    target: { kind: 'class', name: 'y', classes: 3 },
  }),
);

const rows = [
  { x: [1, 2], n: 4, y: 0, who: 'ann' },
  { x: [3, 4.5], n: 0, y: 2, who: 'bob' },
  { x: [-5, 6], n: 255, y: 1, who: 'ann' },
];

/** NPY 1.0 of plain numbers. */
function npy(descr: string, shape: string, values: Float32Array | Int32Array | Uint8Array): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = `${text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11)}\n`;
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([magic, Buffer.from(header), Buffer.from(values.buffer)]);
}

/** A ZIP archive as `numpy.savez_compressed` writes it. */
function zip(entries: Readonly<Record<string, Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, body] of Object.entries(entries)) {
    const packed = deflateRawSync(body);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(body.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), packed);
    directory.push(entry, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

const files: Readonly<Record<string, () => string | Uint8Array>> = {
  'rows.csv': () =>
    `x.0,x.1,n,y,who\n${rows.map(({ x, n, y, who }) => [...x, n, y, who].join(',')).join('\n')}\n`,
  'rows.jsonl': () => rows.map((row) => JSON.stringify(row)).join('\n'),
  'rows.parquet': () =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'x.0', data: rows.map(({ x }) => x[0]), type: 'DOUBLE' },
          { name: 'x.1', data: rows.map(({ x }) => x[1]), type: 'DOUBLE' },
          { name: 'n', data: rows.map(({ n }) => n), type: 'INT32' },
          { name: 'y', data: rows.map(({ y }) => BigInt(y)), type: 'INT64' },
          { name: 'who', data: rows.map(({ who }) => who), type: 'STRING' },
        ],
      }),
    ),
  'arrays.npz': () =>
    zip({
      'x.npy': npy('<f4', '3, 2', Float32Array.from(rows.flatMap(({ x }) => x))),
      'n.npy': npy(
        '|u1',
        '3,',
        Uint8Array.from(rows, ({ n }) => n),
      ),
      'y.npy': npy(
        '<i4',
        '3,',
        Int32Array.from(rows, ({ y }) => y),
      ),
      'who.npy': npy('<i4', '3,', Int32Array.of(7, 9, 7)),
    }),
};

test.each(Object.entries(files))('%s holds the same examples and clients', async (name, make) => {
  const path = join(folder, name);
  await writeFile(path, make());
  const { examples, groups } = await openExamples(path, contract, 'who');
  expect([...examples.features]).toEqual([1, 2, 3, 3, 4.5, 1, -5, 6, 128.5]);
  expect([...examples.targets]).toEqual([0, 2, 1]);
  expect([...(groups ?? [])]).toEqual([0, 1, 0]);
});

test('a folder holds a file for each feature and for the target, NPY or IDX', async () => {
  const path = join(folder, 'arrays');
  await mkdir(path);
  const x = Float32Array.from(rows.flatMap((row) => row.x));
  await writeFile(join(path, 'x.npy'), npy('<f4', '3, 2', x));
  const idx = (values: readonly number[]) => Buffer.from([0, 0, 8, 1, 0, 0, 0, values.length, ...values]);
  await writeFile(join(path, 'n.idx'), idx(rows.map(({ n }) => n)));
  await writeFile(join(path, 'y.idx'), idx(rows.map(({ y }) => y)));
  const { examples } = await openExamples(path, contract);
  expect([...examples.features]).toEqual([1, 2, 3, 3, 4.5, 1, -5, 6, 128.5]);
  expect([...examples.targets]).toEqual([0, 2, 1]);
  await expect(openExamples(path, contract, 'who')).rejects.toThrow('none of who.npy, who.idx is there');
  await writeFile(join(path, 'who.idx'), idx([7, 9, 7]));
  expect([...((await openExamples(path, contract, 'who')).groups ?? [])]).toEqual([0, 1, 0]);
});

test.each(['arrays', 'archive.npz'])(
  'clients of more or fewer examples than there are are refused: %s',
  async (name) => {
    const path = join(folder, `wrong-${name}`);
    const arrays = {
      'x.npy': npy('<f4', '3, 2', Float32Array.from(rows.flatMap(({ x }) => x))),
      'n.npy': npy('|u1', '3,', Uint8Array.of(4, 0, 255)),
      'y.npy': npy('<i4', '3,', Int32Array.of(0, 2, 1)),
      'who.npy': npy('<i4', '5,', Int32Array.of(1, 2, 3, 4, 5)),
    };
    if (name.endsWith('.npz')) await writeFile(path, zip(arrays));
    else {
      await mkdir(path);
      for (const [file, bytes] of Object.entries(arrays)) await writeFile(join(path, file), bytes);
    }
    await expect(openExamples(path, contract, 'who')).rejects.toThrow(
      'it has 5 numbers where there are 3 examples',
    );
  },
);

test.each([
  [
    'bad.jsonl',
    '{"x":[1,2],"n":1,"y":0}\n{"x":[1],"n":1,"y":0}',
    'row 1 (counted from 0) has not the 2 numbers of "x"',
  ],
  ['byte.jsonl', '{"x":[1,2],"n":300,"y":0}', 'row 0 (counted from 0) of "n" is no uint8'],
  ['class.jsonl', '{"x":[1,2],"n":3,"y":3}', "outside the contract's range [0, 2]"],
  ['text.jsonl', 'x', 'line 1 is not JSON'],
  ['short.csv', 'x.0,x.1,n,y\n1,2,3\n', 'line 2: it has 3 fields where the header has 4'],
  ['not.npz', 'PK', 'it is no ZIP archive'],
  ['not.parquet', 'PAR1', 'it cannot be read as Parquet'],
  ['examples.txt', '1,2,3,0', 'its name does not tell what is in it'],
])('%s is refused by its place', async (name, content, message) => {
  await writeFile(join(folder, name), content);
  await expect(openExamples(join(folder, name), contract)).rejects.toThrow(message);
});

test.each(['csv', 'jsonl', 'parquet', 'npz'])('a pipe is not waited for: %s', async (ending) => {
  const pipe = join(folder, `pipe.${ending}`);
  execFileSync('mkfifo', [pipe]);
  await expect(openExamples(pipe, contract)).rejects.toThrow('it is a pipe or a device, not a file');
});

test('a group that is not there is named', async () => {
  const path = join(folder, 'alone.jsonl');
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  await expect(openExamples(path, contract, 'user')).rejects.toThrow('column "user" that data.group names');
});
