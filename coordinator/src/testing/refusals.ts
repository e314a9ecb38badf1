import { StarlingError } from '@starling/proto';
import { expect } from 'vitest';

/** The code that a call is refused with, after a look at its sentences; `ANSWERED` where it is not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof StarlingError)) throw error;
    expect(error.message).toMatch(/^[A-Z"].{10,}[.]$/);
    expect(error.remedy).toMatch(/^[A-Z].*[.)]$/);
    return error.code;
  }
  return 'ANSWERED';
}
