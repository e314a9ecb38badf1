#!/usr/bin/env node
/**
 * Brings a clone to where it can run: dependencies, generated code, build. A step is skipped when nothing it
 * reads has changed since it last succeeded, so `npm run demo` and `npm test` can call this every time.
 *
 *   node scripts/setup.mjs [--quiet]     --quiet: silent when there is nothing to do
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const stamps = join(root, 'node_modules', '.starling');
const quiet = process.argv.includes('--quiet');
const packages = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).workspaces;

const steps = [
  {
    name: 'install',
    why: 'install dependencies (compiles SQLite where no prebuilt binary can be downloaded)',
    reads: () => ['package.json', 'package-lock.json', '.npmrc', ...packages.map((p) => `${p}/package.json`)],
    salt: `${process.version} ${process.platform} ${process.arch}`,
    command: npm('ci', '--no-audit', '--no-fund', '--loglevel=error'),
    env: nativeBuildSettings(),
  },
  {
    name: 'generate',
    why: 'generate code from the protobuf schemas',
    reads: () => [
      'package-lock.json',
      ...files('proto', '.proto'),
      ...files('engine', '.proto'),
      ...generators(),
    ],
    produces: ['proto/src/generated', 'engine/generated'],
    command: [process.execPath, 'scripts/generate.mjs'],
  },
  {
    name: 'build',
    why: 'compile',
    reads: () => ['package-lock.json', 'tsconfig.base.json', 'tsconfig.json', ...packages.flatMap(sources)],
    produces: packages.filter((p) => p !== 'test').map((p) => `${p}/dist`),
    command: [process.execPath, 'node_modules/typescript/bin/tsc', '--build'],
  },
  {
    name: 'bundle',
    why: 'bundle the commands, so that they start fast',
    reads: () => [
      'package-lock.json',
      'scripts/bundle.mjs',
      'scripts/grouped-imports.mjs',
      ...packages.flatMap(sources),
    ],
    produces: ['coordinator/bundle', 'edge-agent/bundle', 'simulations/bundle'],
    command: [process.execPath, 'scripts/bundle.mjs'],
  },
];

checkNode();
for (const step of steps) run(step);

function run(step) {
  const stamp = join(stamps, `${step.name}.stamp`);
  const fingerprint = hash(step.salt ?? '', step.reads());
  const produced = (step.produces ?? []).every((path) => existsSync(join(root, path)));
  if (produced && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) {
    if (!quiet) console.error(`  ${step.name}: up to date`);
    return;
  }
  console.error(`  ${step.name}: ${step.why} …`);
  const startedAt = Date.now();
  const [program, ...args] = step.command;
  // What a step says goes to standard error: standard output belongs to the command that called us.
  const result = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...step.env },
  });
  if (result.status !== 0) {
    console.error(`\nSet-up stopped: "${step.command.join(' ')}" failed. ${remedy(step.name)}`);
    process.exit(1);
  }
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, fingerprint);
  console.error(`  ${step.name}: done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

function remedy(step) {
  if (step === 'install') {
    return 'If it was the compiler: install a C++ compiler, make and Python 3 (Debian: apt-get install build-essential python3).';
  }
  return 'The lines above name the file.';
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(
      `Starling needs Node.js 20.19 or newer; this is ${process.versions.node}. Install a newer one from nodejs.org.`,
    );
    process.exit(1);
  }
}

/** Native packages are compiled against the headers beside this very node, where it has them: no download. */
function nativeBuildSettings() {
  const prefix = resolve(dirname(process.execPath), '..');
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h'));
  return headers && !process.env.npm_config_nodedir ? { npm_config_nodedir: prefix } : {};
}

function npm(...args) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') ? [process.execPath, cli, ...args] : ['npm', ...args];
}

function generators() {
  return ['scripts/generate.mjs', 'proto/scripts/generate.mjs', 'engine/scripts/generate.mjs'];
}

function sources(name) {
  return [`${name}/tsconfig.json`, ...files(name, '.ts')];
}

function files(folder, extension) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter(
      (path) => !path.includes('node_modules/') && !path.includes('/dist/') && !path.includes('/bundle/'),
    )
    .sort();
}

function hash(salt, paths) {
  const sum = createHash('sha256').update(salt);
  for (const path of paths) sum.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  return sum.digest('hex');
}
