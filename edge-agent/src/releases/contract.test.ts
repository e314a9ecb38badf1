/** A release says what its examples look like; a device that records otherwise refuses it, and says in what. */
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readRecording } from '../examples/recording.js';
import { memoryDisk } from '../testing/release-disk.js';
import { sha256Of } from '../testing/release-repository.js';
import { belongingsFault } from './belongings.js';
import { contractBytesMax, contractFault } from './contract.js';

const feature = (name: string, changes: object = {}): object => ({
  ...{ name, dataType: 'float32', shape: [64], range: [-8, 8], scale: 0.5, unit: 'm/s2' },
  ...changes,
});
const target = { kind: 'class', name: 'state', classes: 3 };
const window = { size: 64, stride: 32, samplingHz: 100 };
const own = { features: [feature('x'), feature('y')], target, window };
const recorded = readRecording('pump', own, 'recording.yaml');
const bytesOf = (contract: unknown): Uint8Array => Buffer.from(stringify(contract));

test('what is recorded as the contract says is served, whether it says all or the model’s part only', () => {
  expect(contractFault('pump', bytesOf(own), recorded)).toBeUndefined();
  const { features } = own;
  expect(contractFault('pump', bytesOf({ features, target }), recorded)).toBeUndefined();
  // Here less is recorded than the model knows.
  const wider = { features: [feature('x', { range: [-9, 9] }), feature('y')], target };
  expect(contractFault('pump', bytesOf(wider), recorded)).toBeUndefined();
  // Nothing is recorded here: there is nothing to compare.
  expect(contractFault('pump', bytesOf({ features: [feature('z')], target }), undefined)).toBeUndefined();
});

test.each<readonly [string, object, RegExp]>([
  ['a feature less', { features: [feature('x')] }, /the feature y is not in the release's contract/],
  ['a feature more', { features: [...own.features, feature('z')] }, /the feature z is missing/],
  ['another order', { features: [feature('y'), feature('x')] }, /feature 1 is x, and y in/],
  [
    'another shape',
    { features: [feature('x', { shape: [32] }), feature('y')], window: undefined },
    /the feature x has the shape \[64\], and \[32\]/,
  ],
  ['another type', { features: [feature('x', { dataType: 'float64' }), feature('y')] }, /x has the dataType/],
  [
    'another scale',
    { features: [feature('x'), feature('y', { scale: 1 })] },
    /y has the scale 0.5, and 1 in/,
  ],
  [
    'another unit',
    { features: [feature('x', { unit: 'g' }), feature('y')] },
    /x has the unit m\/s2, and g in/,
  ],
  [
    'a narrower range',
    { features: [feature('x', { range: [-2, 8] }), feature('y')] },
    /x has the range \[-8, 8\]/,
  ],
  ['other classes', { target: { ...target, classes: 4 } }, /the target has 3 classes, and 4 in/],
  ['another rate', { window: { ...window, samplingHz: 50 } }, /64 samples at 100 Hz, and of 64 at 50 Hz/],
])('%s is refused by name', (_name, changes, problem) => {
  const fault = contractFault('pump', bytesOf({ ...own, ...changes }), recorded);
  expect(fault).toMatch(/^RELEASE_CONTRACT_UNMET: This device records pump otherwise: /);
  expect(fault).toMatch(problem);
});

test.each<readonly [string, Uint8Array]>([
  ['no YAML', Buffer.from('a: [')],
  ['no text', Buffer.from([0xff, 0xfe, 0x00])],
  ['no contract', bytesOf({ features: 3 })],
  ['too long', Buffer.alloc(contractBytesMax + 1, ' ')],
  [
    'a bomb of aliases',
    Buffer.from(
      `a: &a [x,x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [${i === 0 ? '*a,*a' : `*b${i - 1},*b${i - 1}`}]`).join('\n')}`,
    ),
  ],
])('a contract that is %s is refused by name', (_name, bytes) => {
  expect(contractFault('pump', bytes, recorded)).toMatch(/^RELEASE_CONTRACT_INVALID: /);
});

test('a drift reference that nobody could compare with is refused before the model serves', async () => {
  const disk = memoryDisk();
  const faultOf = async (drift: string): Promise<string | undefined> => {
    const bytes = Buffer.from(drift);
    await disk.remove('pump/b');
    await disk.write('pump/b/drift.json', 0, bytes);
    const files = [{ name: 'drift.json', sha256: sha256Of(bytes), sizeBytes: bytes.byteLength }];
    const health = {
      ...{ watchMs: 0, latencyMsMax: null, accuracyMin: null, agreementMin: null },
      ...{ errorShareMax: 0.05, crashesMax: 2, scoreDriftMax: null },
    };
    const release = { version: 2, slot: 'b', files, deltas: [], health, task: 'pump' } as const;
    return belongingsFault(disk, 'pump', release, recorded);
  };
  const column = { name: 'x', edges: [0], shares: [0.5, 0.5], start: 0, elements: 1 };
  expect(await faultOf(JSON.stringify({ features: [column], rows: 10 }))).toBeUndefined();
  expect(await faultOf('{}')).toMatch(/^RELEASE_DRIFT_INVALID/);
  expect(await faultOf('no JSON')).toMatch(/^RELEASE_DRIFT_INVALID/);
});
