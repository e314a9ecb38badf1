export { type ArtifactStore, brandHash, chunkBytesMax, hashOf, openArtifactStore } from './artifact-store.js';
export { readChunks, scanFile, syncFolder, writeDurably } from './files.js';
export { makeNamedFolder } from './folders.js';
export { supersededArtifacts } from './retention.js';
