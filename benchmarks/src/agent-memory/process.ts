/** The measured agent, a process of its own. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

export interface MeasuredAgent {
  /** `host:port` of its models. */
  httpAddress(): Promise<string>;
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts `starling-agent run` and waits until its telemetry has reached the coordinator. */
export async function startAgent(config: string, token?: string): Promise<MeasuredAgent> {
  const args = [resolve(root, 'edge-agent/bundle/main.js'), 'run', '--config', config, '--json'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...(token === undefined ? {} : { STARLING_AGENT_TOKEN: token }) },
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const exited = new Promise<void>((settle) => child.once('exit', () => settle()));
  const lineWith = (text: string): Promise<string> =>
    new Promise((settle, reject) => {
      const look = (): void => {
        const line = lines.find((line) => line.includes(text));
        if (line === undefined) return;
        waiting.delete(look);
        settle(line);
      };
      waiting.add(look);
      look();
      exited.then(() =>
        reject(new Error(`the agent ended before "${text}":\n${lines.slice(-5).join('\n')}`)),
      );
    });
  await lineWith('Telemetry is connected.');
  return {
    async httpAddress() {
      const { http } = JSON.parse(await lineWith('models are served')) as { readonly http: string };
      return http;
    },
    async residentBytes() {
      const text = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]);
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
