/**
 * What clients keep between their rounds, in one sparse file: memory does not grow with the fleet. A client has two places
 * and writes to the one that does not hold its newest committed vectors, so that a round that a crash cut short can be
 * made again from what was there before.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** f64: the round that wrote the place, plus one; 0 for never. */
const headerBytes = 8;

export class KeptVectors {
  readonly #file: number;
  readonly #bytes: number;
  readonly #vectors: readonly Float32Array[];
  readonly #block: Float32Array;
  readonly #header = new Float64Array(1);

  /** Vectors are `[parameterCount]` each; the arrays of `load` are the same for every client. */
  constructor(path: string, vectors: number, parameterCount: number) {
    this.#file = openSync(path, 'r+');
    this.#block = new Float32Array(vectors * parameterCount);
    this.#vectors = Array.from({ length: vectors }, (_, at) =>
      this.#block.subarray(at * parameterCount, (at + 1) * parameterCount),
    );
    this.#bytes = headerBytes + this.#block.byteLength;
  }

  /** The client's vectors as of before `round`: false, and zeros, where it has none. */
  load(client: number, round: number): boolean {
    const [place, written] = this.#newest(client, round);
    if (written === 0) {
      this.#block.fill(0);
      return false;
    }
    readSync(
      this.#file,
      bytesOf(this.#block),
      0,
      this.#block.byteLength,
      this.#at(client, place) + headerBytes,
    );
    return true;
  }

  get vectors(): readonly Float32Array[] {
    return this.#vectors;
  }

  /** The first `count` numbers from vector number `first` on, across as many vectors as they take. */
  span(first: number, count: number): Float32Array {
    const start = this.#vectors[first].byteOffset / Float32Array.BYTES_PER_ELEMENT;
    return this.#block.subarray(start, start + count);
  }

  /** Writes what the vectors hold now as the client's, of `round`. */
  store(client: number, round: number): void {
    const [place, written] = this.#newest(client, round);
    const free = written === 0 ? 0 : 1 - place;
    const at = this.#at(client, free);
    writeSync(this.#file, bytesOf(this.#block), 0, this.#block.byteLength, at + headerBytes);
    this.#header[0] = round + 1;
    writeSync(this.#file, bytesOf(this.#header), 0, headerBytes, at);
  }

  close(): void {
    closeSync(this.#file);
  }

  #at(client: number, place: number): number {
    return (2 * client + place) * this.#bytes;
  }

  /** The place with the newest vectors of a round before `round`, and which round, plus one, that was. */
  #newest(client: number, round: number): readonly [place: number, written: number] {
    const [first, second] = [0, 1].map((place) => {
      this.#header[0] = 0;
      readSync(this.#file, bytesOf(this.#header), 0, headerBytes, this.#at(client, place));
      return this.#header[0] <= round ? this.#header[0] : 0;
    });
    return second > first ? [1, second] : [0, first];
  }
}

const bytesOf = (array: Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
