/** How long to stay away after failures. */

/** A span of time from now; the shell draws a moment in it uniformly. */
export interface Window {
  readonly earliestMs: number;
  readonly latestMs: number;
}

export interface BackoffSettings {
  /** Width of the first window. */
  readonly firstMs: number;
  /** Greatest width of any window. */
  readonly mostMs: number;
}

export const defaultBackoff: BackoffSettings = { firstMs: 500, mostMs: 60_000 };

/**
 * Exponential backoff with full jitter (Brooker 2015, "Exponential Backoff and Jitter"): anywhere from now to a
 * bound that doubles with each failure, so that a fleet cut off at once does not come back at once. A
 * coordinator's own `retryAfterMs` moves the window behind it, and cannot move it past the greatest width.
 *
 * @param failures number of failures in a row, from 1
 */
export function backoffWindow(settings: BackoffSettings, failures: number, retryAfterMs = 0): Window {
  const width = Math.min(settings.mostMs, settings.firstMs * 2 ** Math.min(failures - 1, 40));
  const earliestMs = Math.min(Math.max(0, retryAfterMs), settings.mostMs);
  return { earliestMs, latestMs: earliestMs + width };
}
