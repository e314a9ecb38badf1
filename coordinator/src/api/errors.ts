import { type CallContext, StarlingError } from '@starling/proto';
import { CoordinatorError } from '../errors.js';

/** The one place where the coordinator's refusals become errors of the wire; anything else stays what it is. */
export async function toWire<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw wireError(error);
  }
}

export async function* streamToWire<T>(
  work: () => AsyncIterable<T>,
  { signal }: CallContext,
): AsyncGenerator<T, void, undefined> {
  try {
    for await (const item of work()) {
      if (signal.aborted) return;
      yield item;
    }
  } catch (error) {
    throw wireError(error);
  }
}

function wireError(error: unknown): unknown {
  return error instanceof CoordinatorError ? new StarlingError(error.refusal, { cause: error }) : error;
}
