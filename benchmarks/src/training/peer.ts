/** A peer framework in a process of its own: it reads a number of steps a line, and answers with a time. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Contender, Setting } from './contender.js';

interface PeerCommand {
  readonly label: string;
  readonly command: string;
  /** In `benchmarks/peers`. */
  readonly script: string;
}

/** The peers that might be installed here. */
export const peerCommands: readonly PeerCommand[] = [
  {
    label: 'PyTorch',
    command: process.env.STARLING_PEERS_PYTHON ?? 'python3',
    script: 'training-pytorch.py',
  },
  { label: 'tfjs-node', command: process.execPath, script: 'training-tfjs.mjs' },
];

/** Starts a peer; undefined where it is not installed. */
export async function startPeer(peer: PeerCommand, setting: Setting): Promise<Contender | undefined> {
  const script = fileURLToPath(new URL(`../../peers/${peer.script}`, import.meta.url));
  const threads = String(setting.threads);
  const child = spawn(
    peer.command,
    [script, setting.model, threads, String(setting.batchSize), String(setting.exampleCount)],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {
        ...process.env,
        OMP_NUM_THREADS: threads,
        TF_NUM_INTRAOP_THREADS: threads,
        TF_NUM_INTEROP_THREADS: '1',
        TF_CPP_MIN_LOG_LEVEL: '3',
      },
    },
  );
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
    async measure(steps) {
      child.stdin.write(`${steps}\n`);
      const answer = await nextLine();
      if (answer === undefined) throw new Error(`${peer.label} ended while it was measured`);
      return Number(answer);
    },
    async close() {
      child.stdin.end();
      await failed;
    },
  };
}
