/** What waits in order within bounds of number and memory; where it is too much, the oldest goes and is counted. */
export interface NewestQueue<Item> {
  readonly size: number;
  push(item: Item): void;
  /** The oldest ones, at most so many. */
  take(most: number): readonly Item[];
  /** How many went since this was asked last. */
  takeDropped(): number;
}

export interface NewestLimits<Item> {
  readonly countMax: number;
  readonly bytesMax: number;
  bytesOf(item: Item): number;
}

/** One item is kept, however large it is. */
export function newestQueue<Item>({ countMax, bytesMax, bytesOf }: NewestLimits<Item>): NewestQueue<Item> {
  const items: Item[] = [];
  let bytes = 0;
  let dropped = 0;
  const remove = (most: number): readonly Item[] => {
    const taken = items.splice(0, most);
    for (const item of taken) bytes -= bytesOf(item);
    return taken;
  };
  return {
    get size() {
      return items.length;
    },
    push(item) {
      items.push(item);
      bytes += bytesOf(item);
      while (items.length > 1 && (items.length > countMax || bytes > bytesMax)) dropped += remove(1).length;
    },
    take: remove,
    takeDropped() {
      const count = dropped;
      dropped = 0;
      return count;
    },
  };
}
