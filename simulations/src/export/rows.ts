import type { RoundRecord } from '../simulation/record.js';

/** A record's numbers under flat names: `test/accuracy`, `clients/worstTenth`, `uploadBytes`. */
export function flatten(record: RoundRecord): ReadonlyMap<string, number> {
  const flat = new Map<string, number>();
  const walk = (prefix: string, value: unknown): void => {
    if (typeof value === 'number') flat.set(prefix, value);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value))
        walk(prefix === '' ? name : `${prefix}/${name}`, inner);
    }
  };
  walk('', record);
  return flat;
}
