/** TLS in front of a gRPC server: one port for peers with a certificate and, as far as services allow, without. */
import type { X509Certificate } from 'node:crypto';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { addressUnavailable } from './listener.js';
import type { TlsIdentity } from './security.js';

/** The other end of one connection, as far as TLS knows it. */
export type TlsPeer = PeerBase &
  (
    | { readonly kind: 'anonymous' }
    /** Has the key of this certificate, which chains to the authority and was valid when the connection began. */
    | { readonly kind: 'certified'; readonly certificate: X509Certificate }
    /** Showed a certificate that TLS does not accept; `fault` is OpenSSL's name for why. */
    | { readonly kind: 'rejected'; readonly certificate: X509Certificate; readonly fault: string }
  );

interface PeerBase {
  /** Ends the connection and every call on it. */
  close(): void;
  /** Calls back once, when the connection has ended. */
  onClosed(callback: () => void): void;
}

export interface SecureListener {
  readonly port: number;
  /** The peer of a call, by the address that the call names; `undefined` once its connection is gone. */
  peerAt(address: string): TlsPeer | undefined;
  /** Shows another certificate to whoever connects from now on. */
  renew(identity: TlsIdentity): void;
  /** Stops listening; open connections are the gRPC server's to end. */
  close(): void;
  /** Ends them whatever the other end does: grpc-js says goodbye, and waits for a peer that does not answer. */
  cutOff(): void;
}

export interface SecureListenerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** PEM; peers' certificates must chain to it. */
  readonly authority: string;
  /** The certificate chain (with the authority, which peers that enrol check by its hash) and its key. */
  readonly identity: TlsIdentity;
}

/** A peer that does not get through the handshake by then is cut off. */
const handshakeMsMax = 10_000;

/**
 * Accepts TLS 1.3 connections and hands them to `server`. A certificate is asked for and not insisted on, and a bad one
 * does not end the handshake: services decide, and refuse with a code and a sentence where a TLS alert would say
 * nothing. Rejects with ADDRESS_UNAVAILABLE.
 */
export async function listenSecurely(
  server: Server,
  options: SecureListenerOptions,
): Promise<SecureListener> {
  const peers = new Map<string, TlsPeer>();
  // TLS ends here and not in grpc-js, which offers neither the reason of a rejection nor a way to end one connection.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = await listenTls({ ...options, protocols: ['h2'] }, (socket, peer) => {
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    // Calls name their connection by where it comes from. Two from one place, to two addresses of this machine, would be taken
    // for each other.
    if (peers.has(address)) {
      socket.destroy();
      return;
    }
    peers.set(address, peer);
    peer.onClosed(() => void peers.delete(address));
    injector.injectConnection(socket);
  });
  return { ...listener, peerAt: (address) => peers.get(address) };
}

/** A listener for another protocol than gRPC. */
export type TlsListener = Omit<SecureListener, 'peerAt'>;

export interface TlsListenerOptions extends SecureListenerOptions {
  /** For ALPN (RFC 7301); none where the protocol has no name there. */
  readonly protocols?: readonly string[];
}

/** Accepts TLS 1.3 connections as `listenSecurely` does, for any protocol. Rejects with ADDRESS_UNAVAILABLE. */
export function listenTls(
  options: TlsListenerOptions,
  onConnection: (socket: TLSSocket, peer: TlsPeer) => void,
): Promise<TlsListener> {
  const { host, authority, identity, protocols } = options;
  const listener = createTlsServer({
    ...contextOf(authority, identity),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMsMax,
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  const open = new Set<TLSSocket>();
  listener.on('secureConnection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A connection that breaks ends its calls; nobody else needs to hear of it.
    socket.on('error', () => {});
    socket.setNoDelay(true);
    onConnection(socket, peerOf(socket));
  });
  return new Promise((resolve, reject) => {
    listener.once('error', (error) => reject(addressUnavailable(`${host}:${options.port}`, error)));
    listener.listen(options.port, host, listenBacklog, () => {
      const bound = listener.address();
      resolve({
        port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
        renew: (next) => listener.setSecureContext(contextOf(authority, next)),
        close: () => listener.close(),
        cutOff() {
          for (const socket of open) socket.destroy();
        },
      });
    });
  });
}

/** A fleet that was cut off comes back at once. */
const listenBacklog = 4096;

function contextOf(authority: string, identity: TlsIdentity) {
  return {
    ca: authority,
    cert: identity.certificate,
    key: identity.privateKey,
    minVersion: 'TLSv1.3',
  } as const;
}

function peerOf(socket: TLSSocket): TlsPeer {
  const base: PeerBase = {
    close: () => socket.destroy(),
    onClosed: (callback) => socket.once('close', callback),
  };
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { ...base, kind: 'anonymous' };
  return socket.authorized
    ? { ...base, kind: 'certified', certificate }
    : { ...base, kind: 'rejected', certificate, fault: String(socket.authorizationError) };
}
