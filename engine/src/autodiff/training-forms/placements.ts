/** Where the values of a forward pass are while it is copied: as the model has them, in another layout, or both. */
import { product } from '../../onnx/dimensions.js';
import type { Dimension, GraphBuilder, Value } from '../../onnx/index.js';
import { reshape, transpose } from '../expressions.js';
import type { ShallowConvolution } from './winograd/shallow-convolution.js';
import { fromTiles, type Tiles } from './winograd/tiles.js';

/**
 * `[N, C, …]` as `[1, C, N · …]`: a row for each channel, in which a product over the channels is one matrix product
 * for the whole batch.
 */
export interface Rows {
  readonly value: Value;
  /** What the value is in the model's layout. */
  readonly shape: readonly Dimension[];
}

export class Placements {
  readonly #builder: GraphBuilder;
  /** Finds what the forward pass did not compute: parameters, features. */
  readonly #outer: (name: string) => Value;
  readonly #plain = new Map<string, Value>();
  readonly #rows = new Map<string, Rows>();
  readonly #tiles = new Map<string, Tiles>();
  readonly #shallow = new Map<string, ShallowConvolution>();

  constructor(builder: GraphBuilder, outer: (name: string) => Value) {
    this.#builder = builder;
    this.#outer = outer;
  }

  setPlain(name: string, value: Value): void {
    this.#plain.set(name, value);
  }

  setRows(name: string, rows: Rows): void {
    this.#rows.set(name, rows);
  }

  setTiles(name: string, tiles: Tiles): void {
    this.#tiles.set(name, tiles);
  }

  setShallow(name: string, shallow: ShallowConvolution): void {
    this.#shallow.set(name, shallow);
  }

  /** The value as tiles, where it is there as such. */
  tiles(name: string): Tiles | undefined {
    return this.#tiles.get(name);
  }

  /** The convolution of the examples that the value is, where it is put off until somebody reads it. */
  shallow(name: string): ShallowConvolution | undefined {
    return this.#shallow.get(name);
  }

  /** Whether the value is there as rows without further ado. */
  hasRows(name: string): boolean {
    return this.#rows.has(name);
  }

  plain(name: string): Value {
    const known = this.#plain.get(name);
    if (known !== undefined) return known;
    const value = this.#inLayoutOfModel(name);
    this.#plain.set(name, value);
    return value;
  }

  #inLayoutOfModel(name: string): Value {
    const rows = this.#rows.get(name);
    if (rows !== undefined) return fromRows(this.#builder, rows);
    const tiles = this.#tiles.get(name);
    if (tiles !== undefined) return fromTiles(this.#builder, tiles);
    return this.#shallow.get(name)?.plain() ?? this.#outer(name);
  }

  rows(name: string): Rows {
    const known = this.#rows.get(name);
    if (known !== undefined) return known;
    const value = this.plain(name);
    const turned = transpose(this.#builder, value, swapped(value.shape.length));
    const rows = asRows(this.#builder, turned, value.shape);
    this.#rows.set(name, rows);
    return rows;
  }
}

/** `[C, N, …]`, of a value that is `shape` in the model's layout, as rows. */
export function asRows(b: GraphBuilder, x: Value, shape: readonly Dimension[]): Rows {
  const [batch, channels, ...rest] = shape;
  return { value: reshape(b, x, [1, channels, product([batch, ...rest])]), shape };
}

/** Rows with the axes of their channels apart: `[C, N, …]`. */
export function channelsFirst(b: GraphBuilder, { value, shape }: Rows): Value {
  const [batch, channels, ...rest] = shape;
  return reshape(b, value, [channels, batch, ...rest]);
}

function fromRows(b: GraphBuilder, rows: Rows): Value {
  return transpose(b, channelsFirst(b, rows), swapped(rows.shape.length));
}

const swapped = (rank: number): readonly number[] => [
  1,
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
];
