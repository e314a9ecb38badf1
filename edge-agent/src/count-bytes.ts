/** How often each of some ASCII characters occurs. */
export function countBytes(bytes: Uint8Array, characters: string): readonly number[] {
  const table = new Uint32Array(256);
  for (let at = 0; at < bytes.length; at++) table[bytes[at]] += 1;
  return Array.from(characters, (character) => table[character.charCodeAt(0)]);
}
