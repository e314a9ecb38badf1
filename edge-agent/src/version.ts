import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';

/** The version in the agent's package. */
export function agentVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
