/** Dividing examples among devices, by an order that somebody drew: whoever draws otherwise divides otherwise. */

/** The bounds of `parts` parts of `count` whose lengths differ by at most one: `[parts + 1]`. */
export function evenBounds(count: number, parts: number): readonly number[] {
  return Array.from({ length: parts + 1 }, (_, part) => Math.floor((part * count) / parts));
}

/** Parts of nearly one size of `order`; where that is random, every part is a random sample of the whole. */
export function divideEvenly(order: Uint32Array, parts: number): readonly Uint32Array[] {
  const bounds = evenBounds(order.length, parts);
  return Array.from({ length: parts }, (_, part) => order.subarray(bounds[part], bounds[part + 1]));
}

/**
 * The split of McMahan et al. 2017 (section 3) that is hard on purpose: examples sorted by label, cut into shards, some
 * shards to each part. With two random shards, most parts have two classes.
 *
 * @param shards all shards in the order in which they are dealt: `[parts · shardsPerPart]`
 */
export function divideByShards(
  labels: ArrayLike<number>,
  shards: ArrayLike<number>,
  shardsPerPart: number,
): readonly Uint32Array[] {
  const byLabel = Uint32Array.from({ length: labels.length }, (_, index) => index).sort(
    (a, b) => labels[a] - labels[b] || a - b,
  );
  const bounds = evenBounds(labels.length, shards.length);
  return Array.from({ length: shards.length / shardsPerPart }, (_, part) => {
    const dealt = Array.from({ length: shardsPerPart }, (_, at) => shards[part * shardsPerPart + at]);
    return Uint32Array.from(
      dealt.flatMap((shard) => [...byLabel.subarray(bounds[shard], bounds[shard + 1])]),
    );
  });
}
