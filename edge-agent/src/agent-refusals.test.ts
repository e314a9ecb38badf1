import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ScriptedCoordinator } from './testing/scripted-coordinator.js';
import { offer, smallTask } from './testing/small-task.js';
import { agent, coordinator, key } from './testing/start.js';

const wrongHash = createHash('sha256').update('another').digest();
test.each<[string, string, RegExp, (peer: ScriptedCoordinator) => Parameters<typeof offer>[2]]>([
  [
    'a manifest that is not what its hash says',
    'plan',
    /hash/,
    (peer) => ({ planManifest: peer.put(Buffer.from('{"format":1}'), wrongHash.toString('hex')) }),
  ],
  [
    'garbage for a manifest',
    'plan',
    /manifest/,
    (peer) => ({ planManifest: peer.put(Buffer.from([0xff, 0x00, 0x7b])) }),
  ],
  [
    'a manifest with fields missing',
    'plan',
    /./,
    (peer) => ({ planManifest: peer.put(Buffer.from('{"format":1}')) }),
  ],
  [
    'a checkpoint of another size',
    'plan',
    /checkpoint has 8 bytes/,
    (peer) => ({ checkpoint: peer.put(Buffer.alloc(8)) }),
  ],
  [
    'a checkpoint beyond this device',
    'plan',
    /at most/,
    (peer) => ({ checkpoint: { ...peer.put(Buffer.alloc(8)), sizeBytes: 2 ** 40 } }),
  ],
  [
    'a checkpoint that is not finite',
    'plan',
    /./,
    (peer) => ({ checkpoint: peer.put(Buffer.alloc(4 * 42, 0xff)) }),
  ],
  [
    'an artifact that is longer than announced',
    'plan',
    /should have 5 bytes/,
    (peer) => ({ planManifest: { ...peer.put(Buffer.alloc(4000)), sizeBytes: 5 } }),
  ],
  [
    'an artifact that is not there',
    'plan',
    /No such artifact/,
    () => ({ planManifest: { sha256: wrongHash, sizeBytes: 5 } }),
  ],
  ['too many epochs', 'plan', /epochs/, () => ({ training: training({ epochs: 1_000_000 }) })],
  ['no epochs', 'plan', /epochs/, () => ({ training: training({ epochs: 0 }) })],
  [
    'a learning rate that is no number',
    'plan',
    /learning rate/,
    () => ({ training: training({ learningRate: Number.NaN }) }),
  ],
  ['an encoding it does not know', 'plan', /encoding/, () => ({ training: training({ encoding: {} }) })],
  [
    'blocks of no elements',
    'plan',
    /encoding/,
    () => ({
      training: training({
        encoding: { kind: { kind: 'stochasticQuantization', value: { bits: 8, blockSize: 0 } } },
      }),
    }),
  ],
  ['a contract that is none', 'plan', /contract/, () => ({ featureContractJson: '{' })],
  [
    'a contract of another length than the plan',
    'plan',
    /takes 2/,
    () => ({
      featureContractJson: JSON.stringify({
        features: [field('x')],
        target: { kind: 'class', name: 'side', classes: 2 },
      }),
    }),
  ],
  [
    'examples that break the contract',
    'examples',
    /"y"/,
    () => ({
      featureContractJson: JSON.stringify({
        features: [field('x'), { ...field('y'), range: [0, 0.001] }],
        target: { kind: 'class', name: 'side', classes: 2 },
      }),
    }),
  ],
  ['a task without examples', 'examples', /other/, () => ({ taskName: 'other' })],
  ['nothing left to train on', 'examples', /held out/, () => ({ evaluation: { holdoutPermille: 1000 } })],
  [
    'training that leaves the finite numbers',
    'training',
    /./,
    () => ({ training: training({ learningRate: 3e38, epochs: 20 }) }),
  ],
])('%s is reported, and the next round goes on', async (_what, reason, says, change) => {
  const peer = await coordinator();
  const task = smallTask();
  peer.script.assignments.push(offer(peer, task, change(peer)), offer(peer, task, { round: key(2) }));
  await agent(peer);
  await peer.until(() => peer.updates.length > 0 || peer.failures.length > 1);
  expect(peer.failures.map(({ round }) => round)).toEqual([key(1)]);
  expect(peer.failures[0].reason).toBe(reason);
  expect(peer.failures[0].message).toMatch(says);
  expect(peer.updates[0].header.round).toEqual(key(2));
});

function training(changes: object) {
  const encoding = { kind: { kind: 'float32', value: {} } } as const;
  return { epochs: 1, learningRate: 0.1, seed: 1, examplesMax: 0, encoding, ...changes };
}

function field(name: string) {
  return { name, dataType: 'float32', shape: [], range: [-1, 1] };
}
