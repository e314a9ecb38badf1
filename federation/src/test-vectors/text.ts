export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Little-endian f32, so that no digit is lost on the way through text. */
export function hexOfFloats(values: Float32Array): string {
  return hex(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Two spaces an indentation; a list of numbers is one line. */
export function formatVectors(vectors: object): string {
  const text = JSON.stringify(vectors, null, 2);
  return `${text.replace(/\[[\s\d,.e+-]+\]/g, (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'))}\n`;
}
