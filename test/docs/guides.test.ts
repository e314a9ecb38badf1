/** Guides are walked as they are written, on real processes: what fails here fails for whoever reads them. */
import { afterAll, expect, test } from 'vitest';
import { createScope, freePort } from '../support/index.js';
import { codeBlocks, readPages, shells } from './markdown.js';
import { type Replacement, replay, type Section } from './replay.js';

const scope = createScope();
afterAll(() => scope.close());

const fleet = 'docs/guides/first-fleet.md';
const quantization = 'docs/guides/quantization.md';
const releases = 'docs/guides/releases.md';
const simulation = 'docs/guides/simulation.md';
const ownModel = 'docs/guides/your-own-model.md';

const heldOut = {
  line: 'cp -r agent-1-examples held-out',
  why: 'examples that were held out are the reader’s own',
};
const quantized = {
  line: 'cp digits.int8.onnx pump.int8.onnx',
  why: 'the model that is released is the reader’s own: the one that the guide to quantization made',
};
const pump = {
  line: 'cp "$repository/test/oracles/sklearn/mlp.onnx" pump.int8.onnx',
  why: 'the model that is released is the reader’s own',
};
const gateway = {
  line: `starling-agent enroll --coordinator localhost:7443 --state /var/lib/starling-agent --device-id gateway-7 \
    --token "$(starling device token create)" && starling device label gateway-7 site=hall-1`,
  why: 'the guide to a first fleet has enrolled devices already',
};
const givenUp = {
  line: 'until starling-agent releases --state /var/lib/starling-agent | grep "failed  version 3"; do sleep 0.1; done',
  why: 'the device needs a moment to find that the release is too slow',
};
const exported = {
  line: 'cp "$repository/test/oracles/sklearn/mlp.onnx" flowers.onnx',
  why: 'tests have no PyTorch to export it with: a perceptron of four inputs and three classes, as flowers are',
};

const gatewayHere: readonly Replacement[] = [
  { text: '/var/lib/starling-agent', by: './gateway-7', why: 'tests write below a temporary folder only' },
  {
    text: '--latency-ms 5',
    by: '--latency-ms 0.001',
    why: 'given up on any machine, so that it can be tried again',
  },
  { text: '127.0.0.1:8080', by: '127.0.0.1:0', why: 'a free port' },
];

const onePerson: readonly Section[] = [
  `${fleet}#1-start-a-coordinator`,
  `${fleet}#2-say-what-is-to-be-learned`,
  `${fleet}#3-give-every-agent-its-own-examples`,
  `${fleet}#4-run-watch-export`,
  { section: `${quantization}#make-a-model-smaller-and-faster`, given: heldOut },
  `${quantization}#ranges-without-data`,
  { section: `${releases}#release`, given: quantized },
  { section: `${releases}#on-the-device`, given: gateway },
  { section: `${releases}#try-again-what-was-given-up`, given: givenUp },
  'docs/guides/devices.md#when-it-trains',
  'docs/guides/telemetry.md#telemetry',
  { section: `${ownModel}#import-it`, given: exported },
  `${fleet}#5-look-after-the-fleet`,
];
const twoPeople: readonly Section[] = [
  `${fleet}#1-start-a-coordinator`,
  { section: `${releases}#several-people`, given: pump },
];
const simulated: readonly Section[] = [
  `${simulation}#simulating-a-fleet`,
  `${simulation}#through-the-real-protocol`,
];

test.concurrent('a first fleet learns, its model is quantized and released, and another is imported', async () => {
  const { env, serves, devices } = await ownCoordinator();
  const said = await replay(scope, {
    sections: onePerson,
    env,
    replacements: [serves, devices, ...gatewayHere],
  });
  expect(said).toContain('run completed: 20 rounds are committed');
  expect(said).toMatch(/accuracy +\d+\.\d\d % +\d+\.\d\d %/);
  expect(said).toMatch(/pump 3 +running +site=hall-1/);
  expect(said).toMatch(/labels +hall=4/);
}, 180_000);

test.concurrent('two people release what neither could alone', async () => {
  const { env, serves } = await ownCoordinator();
  const said = await replay(scope, { sections: twoPeople, env, replacements: [serves] });
  expect(said).toContain('Version 4 of pump is released.');
}, 180_000);

test.concurrent('a scenario is run, looked at, swept, and run through the real protocol', async () => {
  const fewRounds = { text: 'rounds: 100', by: 'rounds: 3', why: '100 rounds take most of a minute' };
  const said = await replay(scope, { sections: simulated, replacements: [fewRounds] });
  expect(said).toMatch(/3 rounds, loss/);
  expect(said).toContain('learningRate=0.1');
}, 180_000);

test('a block that does not work fails with its page and line', async () => {
  const { serves } = await ownCoordinator();
  const mistaken = { text: 'starling serve', by: 'starling sevre', why: 'no such command' };
  const sections = [`${fleet}#1-start-a-coordinator`];
  await expect(replay(scope, { sections, replacements: [serves, mistaken] })).rejects.toThrow(
    /first-fleet\.md:\d+: failed/,
  );
  await expect(replay(scope, { sections, replacements: [mistaken, serves, mistaken] })).rejects.toThrow(
    '"starling serve" is in no block any more',
  );
});

/** Shell blocks that no walk replays, by section. */
const notReplayed: Readonly<Record<string, string>> = {
  'docs/guides/devices.md#a-device-that-records-serves-and-trains':
    'needs brokers, and a fleet on other machines',
  'docs/guides/devices.md#what-is-recorded': 'needs sensors that publish',
  'docs/guides/devices.md#drift': 'needs recordings; edge-agent/src/drift tests what comes of them',
  'docs/guides/faults.md#hunting-for-bugs-under-faults':
    'runs for many minutes; npm test runs 2,000 seeds itself',
  'docs/guides/faults.md#when-a-rule-does-not-hold': 'npm run hunt runs for many minutes',
  'docs/guides/machine-hall.md#a-machine-hall-to-try-everything-in':
    'two minutes; test/end-to-end/hall.test.ts',
  'docs/guides/machine-hall.md#what-one-sees':
    'ten minutes; test/end-to-end/hall.test.ts runs a smaller hall',
  'docs/guides/privacy.md#the-ledger': 'needs a task with a privacy budget',
  'docs/guides/privacy.md#questions-instead-of-training':
    'test/end-to-end/analytics.test.ts asks the questions',
  'docs/guides/simulation.md#more-than-one-machine':
    'needs a Redis on another machine; simulations/src/queue has its tests',
  'docs/guides/telemetry.md#what-is-promised': 'kills processes and measures for minutes',
  'docs/guides/telemetry.md#the-way-there': 'needs a broker on another machine; test/telemetry starts one',
};

test('every shell block of a guide is replayed, or it is told why not', async () => {
  const walked = [...onePerson, ...twoPeople, ...simulated].map((one) =>
    typeof one === 'string' ? one : one.section,
  );
  const known = new Set([...walked, ...Object.keys(notReplayed)]);
  const guides = (await readPages()).filter(({ path }) => path.startsWith('docs/guides/'));
  const sections = new Set(
    guides
      .flatMap(codeBlocks)
      .filter(({ language }) => shells.includes(language))
      .map(({ path, section }) => `${path}#${section}`),
  );
  expect([...sections].filter((section) => !known.has(section))).toEqual([]);
  expect([...known].filter((section) => !sections.has(section))).toEqual([]);
});

/** Tests run beside each other, so each coordinator has a port of its own, and listens to nobody but this machine. */
async function ownCoordinator() {
  const port = await freePort();
  const why = 'the test’s own port';
  const serves = { text: '--host 0.0.0.0 --port 7443', by: `--port ${port} --mqtt-port 0`, why };
  const devices = { text: 'localhost:7443', by: `localhost:${port}`, why };
  return { serves, devices, env: { STARLING_COORDINATOR: `127.0.0.1:${port}` } };
}
