#!/usr/bin/env node
/**
 * `npm test`: style and package arrows (Biome), then every test (vitest), then one closing line with the counts.
 * Arguments go to vitest: `npm test -- engine/src/autodiff`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;

const style = node('node_modules/@biomejs/biome/bin/biome', 'check', '.');
if (style !== 0) {
  console.error(
    '\nStyle, package arrows or ambient time: see above; `npm run format` mends what can be mended.',
  );
  process.exit(style);
}

const folder = mkdtempSync(join(tmpdir(), 'starling-test-'));
const report = join(folder, 'report.json');
const status = node(
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
);
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
  readFileSync(report, 'utf8'),
);
rmSync(folder, { recursive: true });
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`);
process.exit(status);
