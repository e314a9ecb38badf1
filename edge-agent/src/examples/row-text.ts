/** A refused row as a person may look at it: JSON as far as it goes, of bounded length and depth whatever the row is. */

const depthMax = 8;

/** @param lengthMax characters, about: what is cut ends in `…` */
export function rowText(row: unknown, lengthMax: number): string {
  const parts: string[] = [];
  let left = lengthMax;
  const put = (text: string): boolean => {
    parts.push(text.length > left ? `${text.slice(0, Math.max(0, left))}…` : text);
    left -= text.length;
    return left > 0;
  };
  /** False once there is no room. */
  const print = (value: unknown, depth: number): boolean => {
    if (typeof value === 'string') return put(JSON.stringify(value.slice(0, left)));
    if (typeof value === 'bigint') return put(`${value}`);
    if (typeof value !== 'object' || value === null) return put(JSON.stringify(value) ?? 'null');
    if (ArrayBuffer.isView(value)) return put(`"${value.byteLength} bytes"`);
    if (depth === depthMax) return put('"…"');
    if (Array.isArray(value)) {
      if (!put('[')) return false;
      for (let at = 0; at < value.length; at++) {
        if (!(at === 0 || put(',')) || !print(value[at], depth + 1)) return false;
      }
      return put(']');
    }
    if (!put('{')) return false;
    let isFirst = true;
    // Not its entries: there may be millions.
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      if (!put(`${isFirst ? '' : ','}${JSON.stringify(key.slice(0, left))}:`)) return false;
      isFirst = false;
      if (!print(value[key as keyof typeof value], depth + 1)) return false;
    }
    return put('}');
  };
  print(row, 0);
  return parts.join('');
}
