/**
 * MLflow's file store (`mlruns/EXPERIMENT/RUN/{meta.yaml,params,metrics,tags}`): what `mlflow ui --backend-store-uri` and
 * `mlflow migrate-filestore` read.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReportedRun } from '../report/index.js';
import { flatten } from './rows.js';

/** Writes one run; gives its folder. The run's id is decided by its name and seed, so that writing it again replaces it. */
export async function writeMlflow(run: ReportedRun, folder: string, nowMs: number): Promise<string> {
  const { info, scenario, records, label } = run;
  const experiment = '0';
  const id = createHash('md5').update(`${label} ${info.scenario}`).digest('hex');
  const root = join(folder, experiment, id);
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await mkdir(join(root, 'artifacts'), { recursive: true });
  await writeFile(
    join(folder, experiment, 'meta.yaml'),
    yaml({
      artifact_location: join(folder, experiment),
      creation_time: nowMs,
      experiment_id: experiment,
      last_update_time: nowMs,
      lifecycle_stage: 'active',
      name: 'Default',
    }),
  );
  await write(
    'meta.yaml',
    yaml({
      artifact_uri: join(root, 'artifacts'),
      end_time: nowMs,
      entry_point_name: '',
      experiment_id: experiment,
      lifecycle_stage: 'active',
      run_id: id,
      run_name: label,
      run_uuid: id,
      source_name: '',
      source_type: 4,
      source_version: '',
      start_time: nowMs,
      status: info.state === 'ended' ? 3 : 1,
      user_id: 'starling-sim',
    }),
  );
  for (const [name, value] of parameters(scenario)) await write(join('params', name), value);
  await write(join('tags', 'mlflow.runName'), label);
  const series = new Map<string, string[]>();
  for (const record of records) {
    for (const [name, value] of flatten(record)) {
      if (name === 'round') continue;
      const lines = series.get(name) ?? [];
      series.set(name, lines);
      lines.push(`${nowMs + record.round} ${value} ${record.round}`);
    }
  }
  for (const [name, lines] of series) await write(join('metrics', name), `${lines.join('\n')}\n`);
  return root;
}

const yaml = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? JSON.stringify(value) : value}\n`)
    .join('');

/** The leaves of the scenario: `training.learningRate` and so on; MLflow takes up to 6,000 characters. */
function parameters(scenario: object): readonly (readonly [string, string])[] {
  const walk = (prefix: string, value: unknown): readonly (readonly [string, string])[] => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return [[prefix, String(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 6000)]];
    }
    return Object.entries(value).flatMap(([name, inner]) =>
      walk(prefix === '' ? name : `${prefix}.${name}`, inner),
    );
  };
  return walk('', scenario);
}
