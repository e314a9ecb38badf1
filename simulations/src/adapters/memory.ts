import { availableParallelism } from 'node:os';

/** Bytes that this process may still take, as the system or its container says. */
export function availableMemoryBytes(): number {
  return process.availableMemory();
}

/** Worker threads that this machine runs at once. */
export function processorCount(): number {
  return availableParallelism();
}
