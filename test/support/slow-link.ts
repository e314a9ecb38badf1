/** A link to a server that can be made slow while it is used: what a device far away has. */
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import type { Scope } from './scope.js';

export interface SlowLink {
  /** What to connect to instead of the server. */
  readonly address: string;
  /** Rests so long after each piece, of at most 64 KiB, that goes to the server; 0 for no rest. */
  slowDown(restMs: number): void;
  /** Breaks every connection; new ones are taken at once. */
  breakConnections(): void;
}

export async function startSlowLink(scope: Scope, targetPort: number): Promise<SlowLink> {
  let restMs = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    // Either end's end is both ends' end; what went wrong is for them to say.
    socket.on('error', () => other.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const server = createServer((near) => {
    const far = connectSocket(targetPort, '127.0.0.1');
    keep(near, far);
    keep(far, near);
    far.pipe(near);
    near.on('data', (piece) => {
      const accepted = far.write(piece);
      if (accepted && restMs === 0) return;
      near.pause();
      if (restMs > 0) setTimeout(() => near.resume(), restMs);
      else far.once('drain', () => near.resume());
    });
  });
  scope.onClose(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the link got no port');
  return {
    address: `127.0.0.1:${address.port}`,
    slowDown: (ms) => {
      restMs = ms;
    },
    breakConnections() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
