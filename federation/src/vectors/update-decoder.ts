import { encodedLength, type StochasticQuantization, type UpdateEncoding } from './encoding.js';
import { VectorError } from './errors.js';
import { scaleBytes } from './stochastic-quantization.js';

/**
 * Receives elements in order, in spans: `values[from..to-1]` are the elements `element`, `element + 1`, … of the
 * update. The arrays are views of the decoder's or the caller's memory, valid only during the call.
 */
export interface UpdateSink {
  /** Elements as they are. */
  float32(values: Float32Array, from: number, to: number, element: number): void;
  /** Elements to be multiplied by `scale`; `scale` is finite and not negative. */
  quantized(values: Int8Array, from: number, to: number, element: number, scale: number): void;
}

/** Decodes a payload that comes in chunks of any size and alignment. */
export interface UpdateDecoder {
  /** Throws `VectorError` `wrong-length` when the payload gets too long, or what the sink throws. */
  push(chunk: Uint8Array): void;
  /** Throws `VectorError` `wrong-length` when bytes are missing. */
  finish(): void;
}

/** A decoder of one payload of `parameterCount` elements into `sink`. */
export function createUpdateDecoder(
  parameterCount: number,
  encoding: UpdateEncoding,
  sink: UpdateSink,
): UpdateDecoder {
  const expectedBytes = encodedLength(parameterCount, encoding);
  const decode =
    encoding.kind === 'float32' ? createFloat32Reader(sink) : createQuantizedReader(encoding, sink);
  let receivedBytes = 0;
  return {
    push(chunk) {
      receivedBytes += chunk.byteLength;
      if (receivedBytes > expectedBytes) {
        throw new VectorError(
          'wrong-length',
          `the payload has more than the ${expectedBytes} bytes of ${parameterCount} parameters as ${encoding.kind}`,
        );
      }
      decode(chunk);
    },
    finish() {
      if (receivedBytes !== expectedBytes) {
        throw new VectorError(
          'wrong-length',
          `the payload ends after ${receivedBytes} of the ${expectedBytes} bytes of ${parameterCount} parameters as ${encoding.kind}`,
        );
      }
    },
  };
}

/** Decodes a payload that is in memory as a whole into `into`, `[parameterCount]`. Throws `VectorError` `wrong-length`. */
export function decodeUpdate(payload: Uint8Array, encoding: UpdateEncoding, into: Float32Array): void {
  const decoder = createUpdateDecoder(into.length, encoding, {
    float32(values, from, to, element) {
      into.set(values.subarray(from, to), element);
    },
    quantized(values, from, to, element, scale) {
      for (let i = from; i < to; i += 1) into[element + i - from] = values[i] * scale;
    },
  });
  decoder.push(payload);
  decoder.finish();
}

type ChunkReader = (chunk: Uint8Array) => void;

/** Elements moved at once where a chunk is not aligned; fits the first-level cache. */
const scratchElements = 4096;

function createFloat32Reader(sink: UpdateSink): ChunkReader {
  const scratch = new Float32Array(scratchElements);
  const scratchBytes = new Uint8Array(scratch.buffer);
  let carried = 0;
  let element = 0;

  return (chunk) => {
    let position = 0;
    if (carried > 0) {
      const taken = Math.min(4 - carried, chunk.length);
      scratchBytes.set(chunk.subarray(0, taken), carried);
      carried += taken;
      position = taken;
      if (carried < 4) return;
      sink.float32(scratch, 0, 1, element);
      element += 1;
      carried = 0;
    }
    let whole = Math.floor((chunk.length - position) / 4);
    if ((chunk.byteOffset + position) % 4 === 0) {
      if (whole > 0) {
        const values = new Float32Array(chunk.buffer, chunk.byteOffset + position, whole);
        sink.float32(values, 0, whole, element);
        element += whole;
        position += 4 * whole;
      }
    } else {
      while (whole > 0) {
        const count = Math.min(whole, scratchElements);
        scratchBytes.set(chunk.subarray(position, position + 4 * count));
        sink.float32(scratch, 0, count, element);
        element += count;
        position += 4 * count;
        whole -= count;
      }
    }
    carried = chunk.length - position;
    scratchBytes.set(chunk.subarray(position), 0);
  };
}

function createQuantizedReader({ blockSize }: StochasticQuantization, sink: UpdateSink): ChunkReader {
  const header = new DataView(new ArrayBuffer(scaleBytes));
  let headerFilled = 0;
  let scale = 0;
  let element = 0;
  let blockEnd = 0;

  return (chunk) => {
    const values = new Int8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let position = 0;
    while (position < chunk.length) {
      if (element === blockEnd) {
        header.setUint8(headerFilled, chunk[position]);
        position += 1;
        headerFilled += 1;
        if (headerFilled < scaleBytes) continue;
        scale = checkedScale(header.getFloat32(0, true), element);
        headerFilled = 0;
        // The last block may be shorter; that no more follows is known from the payload's length.
        blockEnd = element + blockSize;
        continue;
      }
      const count = Math.min(blockEnd - element, chunk.length - position);
      sink.quantized(values, position, position + count, element, scale);
      position += count;
      element += count;
    }
  };
}

function checkedScale(scale: number, element: number): number {
  if (!Number.isFinite(scale)) {
    throw new VectorError('not-finite', `the scale of the block at element ${element} is ${scale}`, element);
  }
  if (scale < 0) {
    throw new VectorError(
      'negative-scale',
      `the scale of the block at element ${element} is ${scale}`,
      element,
    );
  }
  return scale;
}
