import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { collectRun } from '../report/index.js';
import { simulate } from '../simulation/simulate.js';
import { mlflowMissing, mlflowPython } from '../testing/mlflow.js';
import { smallScenario } from '../testing/small-scenario.js';
import { writeMlflow } from './mlflow.js';

const missing = mlflowMissing();

const read = `
import json, sys
from mlflow.tracking import MlflowClient
client = MlflowClient('file:' + sys.argv[1])
[run] = client.search_runs(['0'])
history = client.get_metric_history(run.info.run_id, 'test/accuracy')
print(json.dumps({
    'status': run.info.status,
    'rate': run.data.params['training.learningRate'],
    'accuracy': [[point.step, point.value] for point in history],
}))
`;

test.skipIf(missing !== undefined)(
  `MLflow reads a run: its parameters, and each metric round by round${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'starling-mlflow-'));
    try {
      await simulate(smallScenario(), { workers: 1, output: join(folder, 'run') });
      const run = await collectRun(join(folder, 'run'));
      await writeMlflow(run, join(folder, 'mlruns'), 1_000_000);
      const { stdout } = await promisify(execFile)(mlflowPython, ['-c', read, join(folder, 'mlruns')], {
        env: { ...process.env, MLFLOW_ALLOW_FILE_STORE: 'true' },
      });
      expect(JSON.parse(stdout)).toEqual({
        status: 'FINISHED',
        rate: '0.1',
        accuracy: run.records.map(({ round, test: on }) => [round, on?.accuracy]),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
