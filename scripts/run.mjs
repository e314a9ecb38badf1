#!/usr/bin/env node
/** Runs one of the project's commands from the build: `node scripts/run.mjs starling demo --agents 4`. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const commands = {
  starling: 'coordinator/bundle/main.js',
  'starling-agent': 'edge-agent/bundle/main.js',
  'starling-sim': 'simulations/bundle/main.js',
};
const [name, ...args] = process.argv.slice(2);
const entry = resolve(root, commands[name]);
process.argv = [process.execPath, entry, ...args];
await import(pathToFileURL(entry).href);
