/** Flower's SecAgg+ in a process of its own: it runs a round for each line, and answers with the seconds. */
import { startPeerProcess } from '../peer-process.js';
import type { Setting } from './setting.js';

export interface Peer {
  readonly name: string;
  /** Milliseconds of one round. */
  measure(): Promise<number>;
  close(): Promise<void>;
}

/** Undefined where `flwr` is not installed. */
export async function startFlower({ clients, parameters }: Setting): Promise<Peer | undefined> {
  const command = process.env.STARLING_PEERS_PYTHON ?? 'python3';
  const args = [String(clients), String(parameters)];
  const peer = await startPeerProcess(command, 'secure-aggregation-flower.py', args);
  return peer && { ...peer, measure: async () => 1_000 * Number(await peer.ask('round')) };
}
