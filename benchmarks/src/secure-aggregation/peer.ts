/** Flower's SecAgg+: as its users run it, and its protocol alone. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
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

function python(script: string, ...args: readonly number[]): ChildProcessByStdio<Writable, Readable, null> {
  const command = process.env.STARLING_PEERS_PYTHON ?? 'python3';
  const path = fileURLToPath(new URL(`../../peers/${script}`, import.meta.url));
  return spawn(command, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'ignore'] });
}

/** Undefined where `flwr[simulation]` is not installed. */
export async function simulateFlower(
  { clients, parameters }: Setting,
  rounds: number,
): Promise<SimulatedPeer | undefined> {
  const child = python('secure-aggregation-flower-simulation.py', clients, parameters, rounds);
  child.once('error', () => undefined);
  child.stdin.end();
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const [name, ...seconds] = lines;
  if (name === undefined || seconds.length < rounds) return undefined;
  return { name, rounds: seconds.map((value) => 1_000 * Number(value)) };
}

/** Undefined where `flwr` is not installed. */
export async function startFlower({ clients, parameters }: Setting): Promise<Peer | undefined> {
  const child = python('secure-aggregation-flower.py', clients, parameters);
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
