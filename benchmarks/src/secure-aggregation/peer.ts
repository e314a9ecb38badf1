/** Flower's SecAgg+: as its users run it, and its protocol alone. */
import { startPeerProcess } from '../peer-process.js';
import type { Setting } from './setting.js';

/** The protocol in a process of its own, without clients' processes: it runs a round for each line it is given. */
export interface Peer {
  readonly name: string;
  /** Processor milliseconds of one round. */
  measure(): Promise<number>;
  close(): Promise<void>;
}

/** Rounds of Flower's simulation, which has two processors whatever `threads` says. */
export interface SimulatedPeer {
  readonly name: string;
  /** Milliseconds of each round after the first. */
  readonly rounds: readonly number[];
}

const command = process.env.STARLING_PEERS_PYTHON ?? 'python3';

/** Undefined where `flwr[simulation]` is not installed. */
export async function simulateFlower(
  { clients, parameters }: Setting,
  rounds: number,
): Promise<SimulatedPeer | undefined> {
  const args = [clients, parameters, rounds].map(String);
  const peer = await startPeerProcess(command, 'secure-aggregation-flower-simulation.py', args);
  if (peer === undefined) return undefined;
  const milliseconds: number[] = [];
  while (milliseconds.length < rounds) milliseconds.push(1_000 * Number(await peer.ask('next')));
  await peer.close();
  return { name: peer.name, rounds: milliseconds };
}

/** Undefined where `flwr` is not installed. */
export async function startFlower({ clients, parameters }: Setting): Promise<Peer | undefined> {
  const args = [String(clients), String(parameters)];
  const peer = await startPeerProcess(command, 'secure-aggregation-flower.py', args);
  return peer && { ...peer, measure: async () => 1_000 * Number(await peer.ask('round')) };
}
