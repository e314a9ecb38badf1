/** Masks: key streams of full-width secrets, read as elements of the ring. */
export { addPacked, applyMasks, type Mask, maskAndPack } from './apply.js';
export { hkdf } from './hkdf.js';
export { createKeyStream, type KeyStream } from './key-stream.js';
