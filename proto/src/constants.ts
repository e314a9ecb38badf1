/** The newest revision of the protocol that this package speaks. */
export const PROTOCOL_REVISION = 1;

/** Most payload bytes in one message of an upload or a download. */
export const CHUNK_BYTES_MAX = 256 * 1024;

/** Longest message that either end reads; a chunk with its envelope fits four times. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
