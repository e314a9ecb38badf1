import { createRequire } from 'node:module';

/** The version in the coordinator's package. */
export function coordinatorVersion(): string {
  const manifest: { readonly version: string } = createRequire(import.meta.url)('../package.json');
  return manifest.version;
}
