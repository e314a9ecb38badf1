#!/usr/bin/env node
/** Generates everything that is generated: each package's own script, in dependency order. */
import { spawnSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
for (const script of ['proto/scripts/generate.mjs', 'engine/scripts/generate.mjs']) {
  const { status } = spawnSync(process.execPath, [script], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
