/** The Python of a real MLflow for tests: installed from PyPI, into a folder for temporary files, where it is missing. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const release = 'mlflow-skinny==3.17.2';
const environment = join(tmpdir(), `starling-${release}`);

export const mlflowPython = join(environment, 'bin', 'python');

/** Why there is no MLflow on this machine; `undefined` where there is one, installed now if need be. */
export function mlflowMissing(): string | undefined {
  const there = (): boolean => spawnSync(mlflowPython, ['-c', 'import mlflow']).status === 0;
  if (there()) return undefined;
  const install = [
    ['python3', '-m', 'venv', '--clear', environment],
    [mlflowPython, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', release],
  ];
  for (const [program, ...args] of install) {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 });
    if (status !== 0) {
      return `MLflow is not installed and could not be (${stderr?.trim().split('\n').at(-1)}); it takes python3 with venv, and PyPI`;
    }
  }
  return there() ? undefined : 'MLflow was installed and cannot be imported';
}
