import type { SharedRound } from '../execution/setting.js';
import type { SimulationState } from './checkpoint.js';

/** Which commit's checkpoint lies in which slot. */
export class SlotVersions {
  /** Commit of each slot, or -1. */
  readonly bySlot: number[];
  readonly #checkpoints: Float32Array;
  readonly #parameterCount: number;

  constructor({ checkpoints }: SharedRound, slots: number, parameterCount: number) {
    this.bySlot = Array<number>(slots).fill(-1);
    this.#checkpoints = checkpoints;
    this.#parameterCount = parameterCount;
  }

  slotOf(version: number): number {
    const slot = this.bySlot.indexOf(version);
    if (slot < 0) throw new RangeError(`no slot holds the checkpoint of commit ${version}`);
    return slot;
  }

  parameters(version: number): Float32Array {
    const slot = this.slotOf(version);
    return this.#checkpoints.subarray(slot * this.#parameterCount, (slot + 1) * this.#parameterCount);
  }

  put(version: number, parameters: Float32Array): void {
    const slot = this.bySlot.indexOf(-1);
    if (slot < 0) throw new RangeError(`no slot is free for commit ${version}`);
    this.bySlot[slot] = version;
    this.#checkpoints.set(parameters, slot * this.#parameterCount);
  }

  /** Frees the slots of commits before `oldest`. */
  forget(oldest: number): void {
    for (const [slot, version] of this.bySlot.entries()) if (version < oldest) this.bySlot[slot] = -1;
  }

  all(): SimulationState['checkpoints'] {
    return this.bySlot
      .filter((version) => version >= 0)
      .sort((a, b) => a - b)
      .map((version) => ({ version, parameters: this.parameters(version) }));
  }
}
