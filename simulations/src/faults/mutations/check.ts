/** Whether a hunt finds deliberate bugs. */
import { hunt } from '../hunt.js';
import { type Mutation, mutations } from './mutations.js';

export interface Caught {
  readonly mutation: Mutation;
  /** The first seed that broke a rule, and the rule; `undefined` where none did. */
  readonly by: { readonly seed: number; readonly checker: string; readonly message: string } | undefined;
}

export async function* checkMutations(options: {
  /** All where it is empty. */
  readonly names: readonly string[];
  readonly seeds: number;
  readonly workers: number;
  readonly signal: AbortSignal;
}): AsyncGenerator<Caught> {
  const wanted = mutations.filter(({ name }) => options.names.length === 0 || options.names.includes(name));
  for (const mutation of wanted) {
    if (options.signal.aborted) return;
    const failed = await hunt({
      firstSeed: 1,
      count: options.seeds,
      workers: options.workers,
      shrinks: false,
      preload: new URL('./preload.js', import.meta.url).href,
      env: { STARLING_MUTATION: mutation.name },
      signal: options.signal,
      onSeed: () => {},
    });
    const violation = failed?.violation;
    yield { mutation, by: failed && violation && { seed: failed.seed, ...violation } };
  }
}
