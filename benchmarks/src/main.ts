/** `npm run bench -- NAME [options] [--json]` */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Figure } from './figure.js';
import { benchmarks } from './registry.js';

const names = Object.keys(benchmarks);

async function help(): Promise<string> {
  const lines = ['npm run bench -- NAME [options] [--json]', '', 'Benchmarks:'];
  for (const name of names) {
    const benchmark = await benchmarks[name]();
    lines.push(`  ${name.padEnd(14)} ${benchmark.summary}`);
    for (const option of benchmark.options) lines.push(`  ${''.padEnd(14)}   ${option}`);
  }
  lines.push(
    '',
    '--json prints one line for each figure and nothing else. STARLING_PEERS_PYTHON names the Python that',
    'has PyTorch, STARLING_PEERS_NODE_MODULES the folder that has @tensorflow/tfjs-node.',
  );
  return lines.join('\n');
}

function tableLine(figure: Figure): string {
  const what = [figure.case, figure.threads === undefined ? '' : `${figure.threads} threads`, figure.metric];
  const ours = `${figure.value} ${figure.unit}`;
  const peer =
    figure.peerValue === undefined || figure.ratio === undefined
      ? ''
      : `${figure.peer}: ${figure.peerValue} ${figure.unit}, ratio ${figure.ratio}`;
  return `${what.map((text) => text.padEnd(10)).join(' ')} ${ours.padEnd(14)} ${peer}`.trimEnd();
}

/** The same command with `options` for Node, in a process that ends with this one; gives its exit code. */
async function runWith(options: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...options, ...process.argv.slice(1)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

async function main(): Promise<number> {
  const [name, ...rest] = process.argv.slice(2);
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  if (name === undefined || name === '--help' || name === '-h' || rest.includes('--help')) {
    process.stdout.write(`${await help()}\n`);
    return 0;
  }
  if (!Object.hasOwn(benchmarks, name)) {
    note(`there is no benchmark "${name}"; choose one of ${names.join(', ')}`);
    return 2;
  }
  const json = rest.includes('--json');
  const benchmark = await benchmarks[name]();
  const { nodeOptions = [] } = benchmark;
  if (nodeOptions.some((option) => !process.execArgv.includes(option))) return runWith(nodeOptions);
  const args = rest.filter((argument) => argument !== '--json');
  for await (const figure of benchmark.run({ args, note })) {
    process.stdout.write(`${json ? JSON.stringify(figure) : tableLine(figure)}\n`);
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
