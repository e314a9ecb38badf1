/**
 * Loaded before what a demo starts: a process whose standard input closes has lost who started it, however that ended,
 * and ends too, as if it had been asked to. A parent that is killed can ask nobody.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  // Processes that this one starts have another parent, and another input.
  process.execArgv = process.execArgv.filter(
    (argument, index, all) => argument !== '--import' && all[index - 1] !== '--import',
  );
  process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.on('error', () => {});
  process.stdin.resume();
  // It keeps nobody alive who is done. Standard input is a pipe here, which can be let go.
  if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
}
