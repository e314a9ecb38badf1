import type { Clock, Scheduled } from './clock.js';

/**
 * A clock that moves only when told to. Callbacks run in the order of their due times, and those due at the
 * same time in the order in which they were scheduled, so that a simulation is one and the same each time.
 */
export interface VirtualClock extends Clock {
  /** Moves time forward by `ms` and runs what falls due on the way, including what those callbacks schedule. */
  advance(ms: number): void;
  /** Like `advance`, and lets promises settle before it starts and after every callback: for code that awaits `delay`. */
  advanceAsync(ms: number): Promise<void>;
  /** Jumps to the next due callback and runs it; false when none waits. */
  runNext(): boolean;
  /** Monotonic time of the next callback, or undefined when none waits. */
  nextDue(): number | undefined;
  /** Moves the wall clock alone, as an operator or NTP would; deadlines do not change. */
  shiftWallClock(ms: number): void;
  /** Forgets every callback, and so all that they hold. */
  clear(): void;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A virtual clock whose wall clock starts at `startMs` (milliseconds since the epoch) and whose monotonic time starts at 0. */
export function createVirtualClock(startMs = 0): VirtualClock {
  const timers = createTimerHeap();
  let elapsedMs = 0;
  let wallOffsetMs = startMs;
  let order = 0;

  /** Runs the earliest timer due at or before `untilMs`. */
  const runDue = (untilMs: number): boolean => {
    const timer = timers.peek();
    if (timer === undefined || timer.dueMs > untilMs) return false;
    timers.pop();
    elapsedMs = Math.max(elapsedMs, timer.dueMs);
    timer.callback();
    return true;
  };

  return {
    now: () => wallOffsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    schedule(delayMs, callback): Scheduled {
      if (Number.isNaN(delayMs)) throw new RangeError('delayMs must be a number of milliseconds, got NaN');
      const timer: Timer = { dueMs: elapsedMs + Math.max(0, delayMs), order, callback };
      order += 1;
      timers.push(timer);
      return { cancel: () => timers.cancel(timer) };
    },
    advance(ms) {
      const untilMs = targetTime(elapsedMs, ms);
      while (runDue(untilMs));
      elapsedMs = untilMs;
    },
    async advanceAsync(ms) {
      const untilMs = targetTime(elapsedMs, ms);
      do {
        await settlePromises();
      } while (runDue(untilMs));
      elapsedMs = untilMs;
    },
    runNext: () => runDue(Number.POSITIVE_INFINITY),
    nextDue: () => timers.peek()?.dueMs,
    shiftWallClock(ms) {
      wallOffsetMs += ms;
    },
    clear: () => timers.clear(),
  };
}

function targetTime(elapsedMs: number, ms: number): number {
  if (!(ms >= 0)) throw new RangeError(`a clock advances by zero or more milliseconds, got ${ms}`);
  return elapsedMs + ms;
}

/** One turn of the event loop: every promise that can settle without I/O has settled by then. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A binary heap by (due time, order); cancelled timers stay until they surface. */
function createTimerHeap() {
  const heap: Timer[] = [];
  const waiting = new Set<Timer>();
  const earlier = (a: Timer, b: Timer): boolean =>
    a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
  const swap = (i: number, j: number): void => {
    const held = heap[i];
    heap[i] = heap[j];
    heap[j] = held;
  };

  const removeTop = (): void => {
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < heap.length && earlier(heap[left], heap[least])) least = left;
      if (right < heap.length && earlier(heap[right], heap[least])) least = right;
      if (least === i) return;
      swap(i, least);
      i = least;
    }
  };

  const peek = (): Timer | undefined => {
    while (heap.length > 0 && !waiting.has(heap[0])) removeTop();
    return heap.length > 0 ? heap[0] : undefined;
  };

  return {
    peek,
    pop(): void {
      const timer = peek();
      if (timer === undefined) return;
      waiting.delete(timer);
      removeTop();
    },
    push(timer: Timer): void {
      waiting.add(timer);
      heap.push(timer);
      for (let i = heap.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!earlier(heap[i], heap[parent])) break;
        swap(i, parent);
        i = parent;
      }
    },
    cancel(timer: Timer): void {
      waiting.delete(timer);
    },
    clear(): void {
      heap.length = 0;
      waiting.clear();
    },
  };
}
