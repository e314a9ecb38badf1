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
const output = join(proto, 'src/generated');
const files = ['starling/v1', 'inference', 'sparkplug'].flatMap((folder) =>
  readdirSync(join(proto, folder))
    .filter((name) => name.endsWith('.proto'))
    .map((name) => join(folder, name)),
);
const root = loadSchema(proto, files);

mkdirSync(output, { recursive: true });
for (const file of files) {
  const module = basename(file, '.proto').replaceAll('_', '-');
  writeFileSync(join(output, `${module}.ts`), printModule(root, join(proto, file)));
}
