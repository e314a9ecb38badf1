/** The newest revision of the protocol that this package speaks. */
export const PROTOCOL_REVISION = 1;

/** Most payload bytes in one message of an upload or a download. */
export const CHUNK_BYTES_MAX = 256 * 1024;

/** Payload bytes in one message of an upload, as agents send it: the receiver holds a message or two of each upload. */
export const UPLOAD_CHUNK_BYTES = 64 * 1024;

/** Longest message that either end reads; a chunk with its envelope fits four times. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;

/**
 * From this many bytes on, an update goes over a connection of its own, which is closed when it is counted: TLS in Node.js
 * keeps the buffers that a large transfer needs for as long as its connection lives, and a coordinator's memory would
 * grow with the number of devices that ever sent one.
 */
export const UPLOAD_OWN_CONNECTION_BYTES = 256 * 1024;
