import { X509Certificate } from 'node:crypto';

export function certificatePem(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}
