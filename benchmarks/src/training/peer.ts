/** A peer framework in a process of its own: it reads a number of steps a line, and answers with a time. */
import { startPeerProcess } from '../peer-process.js';
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
  const threads = String(setting.threads);
  const args = [setting.model, threads, String(setting.batchSize), String(setting.exampleCount)];
  const env = {
    ...process.env,
    OMP_NUM_THREADS: threads,
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '3',
  };
  const started = await startPeerProcess(peer.command, peer.script, args, { env });
  return started && { ...started, measure: async (steps) => Number(await started.ask(String(steps))) };
}
