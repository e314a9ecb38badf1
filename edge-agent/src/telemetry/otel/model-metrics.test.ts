import { createVirtualClock } from '@starling/federation';
import type { TelemetryRecord } from '@starling/proto';
import { expect, test } from 'vitest';
import { createInferenceService } from '../../inference/index.js';
import { initialStanding } from '../../standing/standing.js';
import { floats, scalingModel } from '../../testing/models.js';
import { temporaryFolder } from '../../testing/small-task.js';
import { startInstrumentation } from './instrumentation.js';

test('inference and training are told through OpenTelemetry: counts, latencies, rounds, and no contents', async () => {
  const clock = createVirtualClock(1_000_000);
  const service = createInferenceService(clock);
  await service.load('scaler', '3', scalingModel(2));
  service.activate('scaler', '3');
  const records: TelemetryRecord[] = [];
  const instrumentation = startInstrumentation({
    telemetry: { record: async (_stream, more) => void records.push(...more) },
    inference: service,
    stateFolder: await temporaryFolder(),
    periodMs: 60_000,
    clock,
    onError: (error) => expect(error).toBeUndefined(),
  });
  const [spec] = service.describe('scaler').inputs;
  const secret = 4321.5;
  for (let request = 0; request < 3; request++) {
    const input = floats(spec.name, [[secret, secret, secret]]);
    await service.infer({ model: 'scaler', version: undefined, inputs: [input] });
  }
  await expect(service.infer({ model: 'scaler', version: undefined, inputs: [] })).rejects.toThrow();
  const round = { runId: 'run', round: 1, attempt: 1 };
  const idle = initialStanding(true, 1_000_000, null);
  const work = { task: 'pumps', round };
  const working = { ...idle, training: { ...idle.training, kind: 'training' as const, work } };
  const lastRound = { ...round, task: 'pumps', atMs: 1, outcome: 'delivered' as const, code: null };
  instrumentation.training.stands(idle, 1_000_000);
  instrumentation.training.stands(working, 1_000_000);
  instrumentation.training.stands({ ...idle, lastRound }, 1_004_000);
  await instrumentation.close();
  await service.close();

  const named = (name: string) => records.filter((record) => record.name === name).at(-1);
  expect(named('starling.inference.requests')).toMatchObject({ value: { kind: 'number', value: 4 } });
  expect(named('starling.inference.failures')).toMatchObject({ value: { value: 1 } });
  const latency = named('starling.inference.duration');
  expect(latency?.attributes).toEqual([
    { key: 'starling.model', value: 'scaler' },
    { key: 'starling.version', value: '3' },
  ]);
  if (latency?.value?.kind !== 'histogram') throw new Error('latencies are a histogram');
  const { buckets, countAbove } = latency.value.value;
  expect(buckets.reduce((sum, { count }) => sum + count, countAbove)).toBe(3);
  expect(named('starling.training.rounds')).toMatchObject({ value: { value: 1 } });
  expect(named('starling.training.duration')).toMatchObject({ value: { value: { sum: 4 } } });
  expect(named('starling.training.active')).toMatchObject({ value: { value: 0 } });
  expect(JSON.stringify(records)).not.toContain(String(secret));
});
