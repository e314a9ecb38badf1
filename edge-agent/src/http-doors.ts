/** What the agent's HTTP doors have in common: listening on this machine, and answers in JSON. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@starling/federation';

export interface Door {
  /** `host:port`. */
  readonly address: string;
  /** Ends listening, answers what has begun, and closes; whoever is not done after two seconds is cut off. */
  close(): Promise<void>;
}

/** Whoever sends slowly, or does not read its answer, must not keep this process from ending. */
export const closeGraceMs = 2_000;

export interface DoorOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly clock: Clock;
}

export async function listen(server: Server, { host, port, clock }: DoorOptions): Promise<Door> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const opened = server.address() as AddressInfo;
  return {
    address: `${opened.family === 'IPv6' ? `[${opened.address}]` : opened.address}:${opened.port}`,
    close: () =>
      new Promise((resolve) => {
        const forced = clock.schedule(closeGraceMs, () => server.closeAllConnections());
        server.close(() => {
          forced.cancel();
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** Whether the caller went away in the middle of its request: nobody waits for an answer, and nothing failed here. */
export function hasLeft(request: IncomingMessage): boolean {
  return request.destroyed && !request.complete;
}

/** Nothing where an answer has begun, or nobody is there any more. */
export function reply(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
