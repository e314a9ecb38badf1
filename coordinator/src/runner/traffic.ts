import type { Sha256 } from '../ids.js';

/** Bytes of artifacts sent to devices, until a round's commit takes them down. */
export interface Traffic {
  sent(sha256: Sha256, bytes: number): void;
  /** The bytes sent of these artifacts since they were last taken. */
  take(hashes: Iterable<Sha256>): number;
}

export function createTraffic(): Traffic {
  const bytesSent = new Map<Sha256, number>();
  return {
    sent(sha256, bytes) {
      bytesSent.set(sha256, (bytesSent.get(sha256) ?? 0) + bytes);
    },
    take(hashes) {
      let total = 0;
      for (const sha256 of hashes) {
        total += bytesSent.get(sha256) ?? 0;
        bytesSent.delete(sha256);
      }
      return total;
    },
  };
}
