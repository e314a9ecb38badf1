import { PassThrough } from 'node:stream';
import { createSystemClock } from '../../adapters/index.js';
import type { Terminal } from '../terminal.js';

/** A terminal whose output can be read, and whose user can press Ctrl-C. */
export function recordingTerminal(env: NodeJS.ProcessEnv = {}, isTTY = false) {
  const out = new PassThrough();
  const err = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  const text = { out: '', err: '' };
  out.on('data', (data: Buffer) => {
    text.out += data.toString();
  });
  err.on('data', (data: Buffer) => {
    text.err += data.toString();
  });
  const user = new AbortController();
  const terminal: Terminal = { out, err, env, clock: createSystemClock(), signal: user.signal };
  return { terminal, text, interrupt: () => user.abort(new Error('interrupted')) };
}
