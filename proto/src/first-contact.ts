/** The first contact of a device that knows nothing but the hash of its fleet's authority, which its token carries. */
import { createHash, X509Certificate } from 'node:crypto';
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { StarlingError } from './error.js';
import { COORDINATOR_NAME } from './security.js';

/**
 * Gets the authority's certificate from the coordinator at `address` (`host:port`). Nothing of the connection is
 * believed but a certificate with the right hash; the caller connects anew and believes that one alone.
 *
 * @param authoritySha256 of the certificate's DER, lower-case hexadecimal
 * @returns PEM
 * @throws StarlingError UNAVAILABLE, AUTHORITY_MISMATCH
 */
export function fetchAuthority(
  address: string,
  authoritySha256: string,
  signal?: AbortSignal,
): Promise<string> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connectTls({
      host,
      port: Number(address.slice(colon + 1)),
      servername: COORDINATOR_NAME,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      rejectUnauthorized: false,
      timeout: contactMsMax,
    });
    const settle = (end: () => void): void => {
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      end();
    };
    const onAbort = (): void => settle(() => reject(signal?.reason));
    signal?.addEventListener('abort', onAbort);
    socket.on('error', (error) => settle(() => reject(unavailable(address, error.message))));
    socket.on('timeout', () => settle(() => reject(unavailable(address, 'it does not answer'))));
    socket.on('secureConnect', () => {
      const found = certificatesOf(socket).find((der) => sha256(der) === authoritySha256);
      settle(() => (found ? resolve(new X509Certificate(found).toString()) : reject(mismatch(address))));
    });
  });
}

const contactMsMax = 10_000;
/** A coordinator shows its certificate and the authority's. */
const chainMax = 8;

function certificatesOf(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < chainMax) {
    chain.push(next.raw);
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function unavailable(address: string, why: string): StarlingError {
  return new StarlingError({
    code: 'UNAVAILABLE',
    status: 'unavailable',
    message: `No coordinator answers at ${address}: ${why}.`,
    remedy: 'Check the address, that the coordinator runs, and that the network allows the connection.',
  });
}

function mismatch(address: string): StarlingError {
  return new StarlingError({
    code: 'AUTHORITY_MISMATCH',
    status: 'unauthenticated',
    message: `What answers at ${address} does not belong to the fleet that this token is for.`,
    remedy: 'Check the address; if it is right, somebody stands between, or the token is of another fleet.',
  });
}
