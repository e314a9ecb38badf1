import { expect, test } from 'vitest';
import { runCommand } from '../support/index.js';

test('a short machine hall loses nothing, and a bad release is stopped with the old model on every gateway', async () => {
  const size = ['--gateways', '3', '--motors', '1', '--minutes', '0.2', '--rounds', '1'];
  const { code, stdout, stderr } = await runCommand('starling-sim', ['hall', ...size, '--json'], {
    timeoutMs: 170_000,
  });
  expect(code, stderr).toBe(0);
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(result).toMatchObject({ gateways: 3, motors: 3, nothingLost: true });
  const { examples, telemetry, inference, outage, badRelease, int8, training } = result;
  expect(examples.windowsPublished).toBeGreaterThan(200);
  expect(examples.windowsStored).toBe(examples.windowsPublished);
  expect(examples.labelled).toBeGreaterThan(0);
  expect(examples.brokenRowsPublished).toBeGreaterThan(0);
  expect(examples.rowsQuarantined).toBe(examples.brokenRowsPublished);
  expect(telemetry.written).toBeGreaterThan(100);
  expect(telemetry.held + telemetry.waiting).toBe(telemetry.written);
  expect(inference.questions).toBeGreaterThan(5);
  expect(inference.answers).toBe(inference.questions);
  expect(outage.recordsBuffered).toBeGreaterThan(0);
  expect(training).toMatchObject({ rounds: 1, secureAggregation: true });
  expect(int8.timesSmaller).toBeGreaterThan(3.5);
  expect(badRelease).toMatchObject({ rollout: 'stopped', gatewaysOnOldModel: 3 });
  expect(badRelease.gatewaysFailed).toBeGreaterThan(0);
}, 180_000);
