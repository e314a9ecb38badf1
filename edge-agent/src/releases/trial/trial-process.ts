/** The process that tries a release: it loads one model, asks it, says what it found, and ends with its agent. */
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../adapters/system-clock.js';
import { serveAgent } from '../../isolation/in-own-process.js';
import type { FromTrial, ToTrial } from './messages.js';
import { tryRelease } from './try-release.js';

// A model that computes without end keeps this thread from seeing that its agent is gone.
new Worker(
  `const { workerData: parent } = require('node:worker_threads');
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`,
  { eval: true, workerData: process.ppid },
);

const say = serveAgent<ToTrial, FromTrial>(async ({ path, health, recent, settings }) => {
  const model = await readFile(path);
  const fault = await tryRelease(model, health, recent, { clock: systemClock(), settings });
  say({ kind: 'tried', fault });
});
