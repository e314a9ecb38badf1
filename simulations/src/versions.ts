/** Versions of what numbers depend on. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const versionOf = (path: string): string => (require(path) as { readonly version: string }).version;

/** Of this package. */
export const version = versionOf('../package.json');

export const onnxruntimeVersion = (): string => versionOf('onnxruntime-node/package.json');
