/**
 * The minimal filtering of Winograd for tiles of 4 by 4 responses to a kernel of 3 by 3 (Lavin and Gray 2016, "Fast
 * Algorithms for Convolutional Neural Networks", section 4.3), with each transform of both axes as one matrix: 36
 * products for a tile where the convolution itself takes 144.
 */

/** Responses of a tile along each axis, and the pixels that they see with a kernel of 3. */
export const tileSize = 4;
export const reach = 6;

type Matrix = readonly (readonly number[])[];

/** Bᵀ: six pixels into the domain of products. */
const pixels: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];

/** G: three weights into it. */
const weights: Matrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];

/** Aᵀ: and out of it, into four responses. */
const responses: Matrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/** Bᵀ ⊗ Bᵀ: `[36, 36]`, from the pixels of a tile, row by row. */
export const pixelTransform = kronecker(pixels);

/** (G ⊗ G)ᵀ: `[9, 36]`, from the weights of a kernel, row by row. */
export const weightTransform = transposed(kronecker(weights));

/**
 * Aᵀ ⊗ Aᵀ: `[16, 36]`, to the responses of a tile. Their order is that of pooling: by their place in a window of 2 by 2
 * first, then by the window's place in the tile.
 */
export const responseTransform: Matrix = [0, 1, 2, 3].flatMap((place) =>
  [0, 1, 2, 3].map((window) => {
    const [row, column] = [place >> 1, place & 1].map((at, axis) => at + 2 * ((window >> (1 - axis)) & 1));
    return kronecker(responses)[row * tileSize + column];
  }),
);

function kronecker(a: Matrix): Matrix {
  return a.flatMap((top) => a.map((left) => top.flatMap((x) => left.map((y) => x * y))));
}

function transposed(a: Matrix): Matrix {
  return a[0].map((_, column) => a.map((row) => row[column]));
}
