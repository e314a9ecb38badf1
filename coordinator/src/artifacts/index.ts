export { type ArtifactStore, brandHash, chunkBytesMax, hashOf, openArtifactStore } from './artifact-store.js';
export { makeFolder, readChunks, scanFile, syncFolder, writeDurably } from './files.js';
export { supersededArtifacts } from './retention.js';
