/** A set of roster indices as a bitmap: bit i % 8 of byte i / 8, as many bytes as the roster needs, unused bits 0. */
export type DeviceSet = Uint8Array;

export function deviceSet(devices: number, indices: Iterable<number>): DeviceSet {
  const set = new Uint8Array(Math.ceil(devices / 8));
  for (const index of indices) set[index >> 3] |= 1 << (index & 7);
  return set;
}

export function hasDevice(set: DeviceSet, index: number): boolean {
  return ((set[index >> 3] >> (index & 7)) & 1) === 1;
}

/** The members, ascending. */
export function devicesOf(set: DeviceSet): number[] {
  const indices: number[] = [];
  for (let index = 0; index < 8 * set.length; index += 1) if (hasDevice(set, index)) indices.push(index);
  return indices;
}

/** Whether these bytes are a set of indices below `devices`. */
export function isDeviceSet(bytes: Uint8Array, devices: number): boolean {
  return (
    bytes.length === Math.ceil(devices / 8) &&
    (devices % 8 === 0 || bytes[devices >> 3] >> (devices & 7) === 0)
  );
}

/** The first member of both, or undefined. */
export function firstCommon(a: DeviceSet, b: DeviceSet): number | undefined {
  return devicesOf(a.map((byte, i) => byte & b[i])).at(0);
}
