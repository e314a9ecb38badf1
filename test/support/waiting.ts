/** Waiting for what must happen: bounded, and ended by the event itself, never by a guess at how long it takes. */

const lookAgainMs = 5;

export interface WaitOptions {
  readonly timeoutMs?: number;
  /** Says what there was instead, for the error. */
  readonly describe?: () => string;
}

/** Looks until `look` gives something; rejects once `timeoutMs` have passed. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { timeoutMs = 30_000, describe = () => '' }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new Error(`${what} did not happen within ${timeoutMs / 1000} s. ${describe()}`.trimEnd());
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

/** Rejects where `promise` takes longer than `timeoutMs`. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  { timeoutMs = 30_000, describe = () => '' }: WaitOptions = {},
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} did not happen within ${timeoutMs / 1000} s. ${describe()}`.trimEnd())),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
