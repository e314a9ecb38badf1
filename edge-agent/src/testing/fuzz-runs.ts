/** How long tests look for what breaks a door: `npm run fuzz` looks longer than `npm test`. */

const times = Math.max(1, Math.floor(Number(process.env.STARLING_FUZZ_TIMES ?? 1)));

/** Cases of a test that has so many in `npm test`. */
export function fuzzRuns(runs: number): number {
  return runs * times;
}

export function fuzzTimeoutMs(timeoutMs: number): number {
  return timeoutMs * times;
}
