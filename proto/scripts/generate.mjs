#!/usr/bin/env node
/**
 * Generates one TypeScript module per .proto file into `src/generated/`: readonly interfaces, and static codecs over
 * protobufjs' reader and writer. pbjs puts a whole schema into one namespace object, which no bundler can shake, has
 * no unions for oneofs and gives 64-bit integers as objects; so protobufjs parses here, and print.mjs prints.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSchema } from './load-schema.mjs';
import { printModule } from './print.mjs';

const proto = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(proto, 'starling/v1');
const output = join(proto, 'src/generated');
const names = readdirSync(folder).filter((name) => name.endsWith('.proto'));
const root = loadSchema(
  proto,
  names.map((name) => join('starling/v1', name)),
);

mkdirSync(output, { recursive: true });
for (const name of names) {
  const module = basename(name, '.proto').replaceAll('_', '-');
  writeFileSync(join(output, `${module}.ts`), printModule(root, join(folder, name)));
}
