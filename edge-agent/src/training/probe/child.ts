/** Tells which runtimes load on this machine, and ends: what it loaded goes with it. */
import { availableRuntimes } from '@starling/engine/available';

process.stdout.write(JSON.stringify(await availableRuntimes()));
