/** The commands that an operator would type, run as they are: `starling …` and `starling-agent …`. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { SimulationError } from '../errors.js';

const resolver = createRequire(import.meta.url);

/** The entry file of a package's command. */
export function entryOf(packageName: '@starling/coordinator' | '@starling/edge-agent'): string {
  return resolver.resolve(`${packageName}/command`);
}

/** Runs a command with `--json` and gives what it printed last. */
export function runCommand<T>(
  command: 'starling' | 'starling-agent',
  args: readonly string[],
  signal: AbortSignal,
): Promise<T> {
  const entry = entryOf(command === 'starling' ? '@starling/coordinator' : '@starling/edge-agent');
  return new Promise((resolve, reject) => {
    const options = { signal, maxBuffer: 16 << 20 };
    execFile(process.execPath, [entry, ...args, '--json'], options, (error, stdout, stderr) => {
      const line = stdout.trim().split('\n').at(-1) ?? '';
      if (error === null) return resolve((line === '' ? undefined : JSON.parse(line)) as T);
      if (signal.aborted) return reject(signal.reason);
      const why = stderr.trim().split('\n').at(-1) ?? '';
      reject(
        new SimulationError(
          'simulation/worker',
          `${command} ${args.slice(0, 2).join(' ')} failed: ${why}`,
          '',
          {
            cause: error,
          },
        ),
      );
    });
  });
}
