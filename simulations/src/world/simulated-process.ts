/**
 * One life of a process on a simulated machine. When it is killed, whatever of it still runs reaches nothing any more:
 * its timers never fire, its files and calls never answer, its database is closed.
 */
import { type Clock, createSeededEntropy, type Entropy, type Scheduled } from '@starling/federation';
import type { Chance } from './chance.js';
import { Disk } from './disk.js';

export interface Machine {
  readonly name: string;
  disk: Disk;
  /** Added to the world's wall clock: an operator or NTP may move it. */
  wallOffsetMs: number;
  lives: number;
}

export interface SimulatedProcess {
  readonly machine: Machine;
  /** Where its machine's disk is found by its code: `/starling-world/NAME.LIFE`. */
  readonly mount: string;
  readonly isAlive: boolean;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly chance: Chance;
  /** What its disk has been asked to do; a crash may be set for a number of them. */
  readonly io: IoMeter;
  kill(): void;
  onKilled(callback: () => void): void;
}

/** Counts what goes to the disk, so that a process may be killed between any two. */
export interface IoMeter {
  /** Called before and after each; throws nothing, but the process may be dead after it. */
  step(): void;
  /** Called right before and right after a commit; gives whether the commit is to fail as with a full disk. */
  commit(when: 'before' | 'after'): boolean;
  /** Kills the process after so many steps. */
  killAfter(steps: number): void;
  /** Kills the process right before or right after one of the commits to come. */
  killAtCommit(count: number, when: 'before' | 'after'): void;
  /** One of the commits to come fails. */
  failCommit(count: number): void;
}

/** Processes by the mounts of their disks. */
export const mounts = new Map<string, SimulatedProcess>();

export const mountRoot = '/starling-world';

export interface ProcessOptions {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly seed: string;
  readonly chance: Chance;
}

export function createMachine(name: string, disk = new Disk()): Machine {
  return { name, disk, wallOffsetMs: 0, lives: 0 };
}

export function startProcess({ machine, clock, seed, chance }: ProcessOptions): SimulatedProcess {
  machine.lives += 1;
  const mount = `${mountRoot}/${machine.name}.${machine.lives}`;
  const killed: (() => void)[] = [];
  let isAlive = true;
  let stepsLeft = Number.POSITIVE_INFINITY;
  let killAt: { left: number; readonly when: 'before' | 'after' } | undefined;
  let commitsToFail = Number.POSITIVE_INFINITY;

  const process: SimulatedProcess = {
    machine,
    mount,
    get isAlive() {
      return isAlive;
    },
    clock: {
      now: () => Math.floor(clock.now() + machine.wallOffsetMs),
      monotonic: () => clock.monotonic(),
      schedule(delayMs, callback): Scheduled {
        if (!isAlive) return { cancel() {} };
        return clock.schedule(delayMs, () => {
          if (isAlive) callback();
        });
      },
    },
    entropy: createSeededEntropy(`${seed}/${machine.name}.${machine.lives}`),
    chance: chance.fork(`${machine.name}.${machine.lives}`),
    io: {
      step() {
        stepsLeft -= 1;
        if (stepsLeft <= 0) process.kill();
      },
      commit(when) {
        if (killAt?.when === when) {
          killAt.left -= 1;
          if (killAt.left <= 0) process.kill();
        }
        if (when === 'after') return false;
        commitsToFail -= 1;
        return commitsToFail === 0;
      },
      killAtCommit(count, when) {
        killAt = { left: count, when };
      },
      failCommit(count) {
        commitsToFail = count;
      },
      killAfter(steps) {
        stepsLeft = steps;
      },
    },
    kill() {
      if (!isAlive) return;
      isAlive = false;
      mounts.delete(mount);
      for (const callback of killed.splice(0)) callback();
    },
    onKilled(callback) {
      killed.push(callback);
    },
  };
  mounts.set(mount, process);
  return process;
}

/** What never comes to a dead process. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
