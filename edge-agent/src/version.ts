import { createRequire } from 'node:module';

/** The version in the agent's package. */
export function agentVersion(): string {
  const manifest: { readonly version: string } = createRequire(import.meta.url)('../package.json');
  return manifest.version;
}
