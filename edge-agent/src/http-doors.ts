/** What the agent's HTTP doors have in common: listening on this machine, and answers in JSON. */
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Door {
  /** `host:port`. */
  readonly address: string;
  /** Ends listening, answers what has begun, and closes. */
  close(): Promise<void>;
}

/** @param port 0 for any that is free */
export async function listen(server: Server, host: string, port: number): Promise<Door> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const opened = server.address() as AddressInfo;
  return {
    address: `${opened.family === 'IPv6' ? `[${opened.address}]` : opened.address}:${opened.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
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
