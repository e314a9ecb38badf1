/** Flower's SecAgg+ in a process of its own: it runs a round for each line, and answers with the seconds. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Setting } from './setting.js';

export interface Peer {
  readonly name: string;
  /** Milliseconds of one round. */
  measure(): Promise<number>;
  close(): Promise<void>;
}

/** Undefined where `flwr` is not installed. */
export async function startFlower({ clients, parameters }: Setting): Promise<Peer | undefined> {
  const script = fileURLToPath(new URL('../../peers/secure-aggregation-flower.py', import.meta.url));
  const command = process.env.STARLING_PEERS_PYTHON ?? 'python3';
  const child = spawn(command, [script, String(clients), String(parameters)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const failed = new Promise<undefined>((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('exit', () => resolve(undefined));
  });
  // A peer that has gone cannot be written to; that it has gone is learned from its exit.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string | undefined> => {
    const next = await Promise.race([lines.next(), failed]);
    return next === undefined || next.done === true ? undefined : next.value;
  };
  const name = await nextLine();
  if (name === undefined) return undefined;
  return {
    name,
    async measure() {
      child.stdin.write('round\n');
      const seconds = await nextLine();
      if (seconds === undefined) throw new Error('Flower ended while it was measured');
      return 1_000 * Number(seconds);
    },
    async close() {
      child.stdin.end();
      await failed;
    },
  };
}
