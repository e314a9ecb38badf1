/** Where a path leads: to the disk of a simulated process, or to none. */
import { mountRoot, mounts, never, type SimulatedProcess } from './simulated-process.js';

export interface Place {
  /** `undefined` where the process is dead. */
  readonly process: SimulatedProcess | undefined;
  /** On the machine's disk. */
  readonly path: string;
}

export function placeOf(path: unknown): Place | undefined {
  if (typeof path !== 'string' || !path.startsWith(`${mountRoot}/`)) return undefined;
  const end = path.indexOf('/', mountRoot.length + 1);
  const mount = end < 0 ? path : path.slice(0, end);
  return { process: mounts.get(mount), path: end < 0 ? '/' : path.slice(end).replace(/\/+$/, '') };
}

/** Share of operations that take time, so that other work comes in between. */
const slowShare = 0.2;
const slowMsMax = 5;

/** Runs an operation on the disk, killing the process before or after it where its time has come. */
export async function operate<T>(
  { process, path }: Place,
  run: (process: SimulatedProcess, path: string) => T,
): Promise<T> {
  if (process === undefined) return never();
  const { chance, clock } = process;
  if (chance.happens(slowShare)) {
    await new Promise<void>((resolve) => clock.schedule(chance.uniform() * slowMsMax, resolve));
  }
  process.io.step();
  if (!process.isAlive) return never();
  const result = run(process, path);
  process.io.step();
  return process.isAlive ? result : never();
}
