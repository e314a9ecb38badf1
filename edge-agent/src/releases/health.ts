/** Judges a release that serves, by what its answers cost and how many there were none. Pure. */
import type { HealthChecks } from './description.js';

/** Of a release since it serves. */
export interface WatchFigures {
  readonly requests: number;
  /** Requests that were refused or failed, overload aside. */
  readonly failures: number;
  /** What 99 of 100 answers stayed below, in milliseconds. */
  readonly latencyP99Ms: number;
  /** Share of requests that failed while the one before it served; 0 where nobody knows. */
  readonly failureShareBefore: number;
}

/** Fewer requests say nothing of a share, nor of a p99. */
export const requestsJudgedMin = 20;

/** Why it is not healthy, a sentence; undefined where nothing speaks against it. */
export function unhealthy(
  { errorShareMax, latencyMsMax }: HealthChecks,
  { requests, failures, latencyP99Ms, failureShareBefore }: WatchFigures,
): string | undefined {
  if (requests < requestsJudgedMin) return undefined;
  const share = failures / requests;
  if (share > errorShareMax + failureShareBefore) {
    return `${failures} of ${requests} requests failed; ${percent(failureShareBefore)} did before it, and ${percent(errorShareMax)} more are allowed.`;
  }
  if (latencyMsMax !== null && latencyP99Ms > latencyMsMax) {
    return `99 of 100 answers took up to ${latencyP99Ms.toFixed(1)} ms; ${latencyMsMax} ms are allowed.`;
  }
  return undefined;
}

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}
