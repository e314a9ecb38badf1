/**
 * Generates the static protobuf module of ONNX from the vendored schema: `onnx/onnx.proto` to `generated/onnx.js`.
 * It lies beside `src`, not inside, so that sources and the built package reach it by the same relative path.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const engine = dirname(dirname(fileURLToPath(import.meta.url)));
const commandLine = join(
  dirname(createRequire(import.meta.url).resolve('protobufjs-cli/package.json')),
  'bin/pbjs',
);

mkdirSync(join(engine, 'generated'), { recursive: true });
execFileSync(
  process.execPath,
  [
    commandLine,
    ...['--target', 'static-module', '--wrap', 'esm', '--dependency', 'protobufjs/minimal.js'],
    // A root of its own: protobufjs keeps roots in a registry that every generated module shares.
    ...['--root', 'starling-onnx'],
    // Absent optional fields decode as null, so a missing `i` is not mistaken for 0.
    '--null-defaults',
    ...['--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service'],
    ...['--out', join(engine, 'generated/onnx.js'), '--dts'],
    join(engine, 'onnx/onnx.proto'),
  ],
  { stdio: 'inherit' },
);
