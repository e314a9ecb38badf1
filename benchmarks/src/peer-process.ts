/** A peer in a process of its own: a line says what to do, a line is the answer; its first line is its name. */
import { type SpawnOptionsWithStdioTuple, type StdioNull, type StdioPipe, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface PeerProcess {
  readonly name: string;
  /** The answer to `request`; rejects where the peer ended. */
  ask(request: string): Promise<string>;
  close(): Promise<void>;
}

type Options = Omit<SpawnOptionsWithStdioTuple<StdioPipe, StdioPipe, StdioNull>, 'stdio'>;

/** Starts `script` in `benchmarks/peers`; undefined where what it needs is not installed. */
export async function startPeerProcess(
  command: string,
  script: string,
  args: readonly string[],
  options: Options = {},
): Promise<PeerProcess | undefined> {
  const path = fileURLToPath(new URL(`../peers/${script}`, import.meta.url));
  const child = spawn(command, [path, ...args], { ...options, stdio: ['pipe', 'pipe', 'ignore'] });
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
    async ask(request) {
      child.stdin.write(`${request}\n`);
      const answer = await nextLine();
      if (answer === undefined) throw new Error(`${name} ended while it was measured`);
      return answer;
    },
    async close() {
      child.stdin.end();
      await failed;
    },
  };
}
