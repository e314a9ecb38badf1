/**
 * Connections that each ask again as soon as they are answered, over bare sockets: a client of Node's would cost as
 * much as the server. Started as a process of its own with one JSON argument; prints what it measured.
 */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface LoadInput {
  readonly port: number;
  readonly path: string;
  readonly input: string;
  readonly elements: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Four of five numbers are 0 and the rest have up to 17 digits, as the pixels of a digit divided by 255. */
function requestOf({ path, input, elements }: LoadInput): Buffer {
  const data = Array.from({ length: elements }, (_, index) =>
    index % 5 === 0 ? ((index * 37) % 256) / 255 : 0,
  );
  const inputs = [{ name: input, shape: [1, elements], datatype: 'FP32', data }];
  const body = JSON.stringify({ inputs });
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

async function measure(input: LoadInput): Promise<LoadResult> {
  const request = requestOf(input);
  const latencies: number[] = [];
  let measuring = false;
  let ended = false;
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(input.port, '127.0.0.1');
      socket.setNoDelay(true);
      let sentMs = 0;
      let received = '';
      const send = (): void => {
        sentMs = performance.now();
        socket.write(request);
      };
      socket.once('connect', send);
      socket.once('error', reject);
      socket.once('close', () => resolve());
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        const head = received.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
        if (received.length < head + 4 + length) return;
        if (!/^HTTP\/1\.1 200/.test(received)) {
          reject(new Error(`the server answered ${received.slice(0, 300)}`));
          socket.destroy();
          return;
        }
        received = '';
        if (measuring) latencies.push(performance.now() - sentMs);
        if (ended) socket.destroy();
        else send();
      });
    });
  const all = Promise.all(Array.from({ length: input.connections }, ask));
  const after = (ms: number): Promise<unknown> =>
    Promise.race([all, new Promise((resolve) => setTimeout(resolve, ms))]);
  await after(input.warmUpMs);
  measuring = true;
  const startMs = performance.now();
  await after(input.measureMs);
  measuring = false;
  ended = true;
  const seconds = (performance.now() - startMs) / 1000;
  await all;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
  return { requestsPerSecond: latencies.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2])))}\n`);
}
