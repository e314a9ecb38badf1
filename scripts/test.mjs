#!/usr/bin/env node
/**
 * `npm test`: style and package arrows (Biome), then every test (vitest) and beside it the fixed seeds of the hunt under
 * faults, then closing lines with the counts. Arguments go to vitest, which then runs alone: `npm test -- engine/src/autodiff`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The hunt's seeds, from 1 on. */
const seeds = 2_000;

function start(args, stdio) {
  const child = spawn(process.execPath, args, { cwd: root, stdio });
  const ended = new Promise((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code) => settle(code ?? 1));
  });
  return { child, ended };
}

const node = (...args) => start(args, 'inherit').ended;

const style = await node('node_modules/@biomejs/biome/bin/biome', 'check', '.');
if (style !== 0) {
  console.error(
    '\nStyle, package arrows or ambient time: see above; `npm run format` mends what can be mended.',
  );
  process.exit(style);
}

const patterns = process.argv.slice(2);
const hunt = patterns.length === 0 ? startHunt() : undefined;

const folder = mkdtempSync(join(tmpdir(), 'starling-test-'));
const report = join(folder, 'report.json');
const status = await node(
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...patterns,
);
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
  readFileSync(report, 'utf8'),
);
rmSync(folder, { recursive: true });
const held = (await hunt?.finish()) ?? true;
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`);
process.exit(status !== 0 ? status : held ? 0 : 1);

/**
 * Processes of lowest priority: they take the processor time that tests leave while they wait for others, and all of it
 * once those are done.
 */
function startHunt() {
  const args = ['scripts/run.mjs', 'starling-sim', 'faults', '--seeds', String(seeds)];
  const { child, ended } = start(args, ['ignore', 'pipe', 'pipe']);
  setPriority(child.pid, constants.priority.PRIORITY_LOW);
  // It does not outlive this process, however that ends.
  process.on('exit', () => child.kill());
  let said = '';
  let isAlone = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      if (isAlone) process.stdout.write(text);
      else said += text;
    });
  }
  return {
    /** Gives whether every rule held, once all seeds are done. What is said until then is the hunt's own progress. */
    async finish() {
      isAlone = true;
      console.log(`Hunting under faults (seeds 1 to ${seeds}):`);
      // Of its progress so far the last line is enough; of a failure, which comes after it, nothing is left out.
      const lines = said.split('\n');
      const last = lines.findLastIndex((line) => / of \d+ seeds$/.test(line));
      process.stdout.write(lines.slice(Math.max(0, last)).join('\n'));
      return (await ended) === 0;
    },
  };
}
