import { expect, test } from 'vitest';
import { mosquittoMissing } from '../support/index.js';
import { checkNumbers, killTelemetry } from './telemetry-kills.js';

const missing = mosquittoMissing();
if (missing !== undefined) console.warn(`SKIPPED, the kills of Mosquitto: ${missing}`);

test.skipIf(missing !== undefined)(
  'nothing is lost or doubled when device, broker and coordinator are killed',
  async () => {
    const records = 20_000;
    const options = {
      seed: 1,
      records,
      kills: 9,
      budgetBytes: 64 << 20,
      recordsPerWrite: 50,
      broker: 'mosquitto',
    } as const;
    const outcome = await killTelemetry(options);
    expect(checkNumbers(outcome, records)).toBe(0);
    expect(Object.keys(outcome.kills)).toEqual(expect.arrayContaining(['coordinator', 'device', 'broker']));
  },
  120_000,
);

test('a budget that is far too small gives up records and reports exactly those', async () => {
  const records = 30_000;
  const outcome = await killTelemetry({
    seed: 3,
    records,
    kills: 4,
    budgetBytes: 65_536,
    recordsPerWrite: 5_000,
    broker: 'embedded',
  });
  expect(checkNumbers(outcome, records)).toBeGreaterThan(0);
  expect(new Set(outcome.losses.map(({ reason }) => reason))).toEqual(new Set(['budget']));
}, 120_000);
