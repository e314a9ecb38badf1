/**
 * Decides what is sent when: a pure state machine. Everything after the watermark is sent in order, several batches
 * ahead of it; what the coordinator does not acknowledge in time is sent again from the watermark on.
 */
import type { StreamPosition } from './buffer.js';
import { type Priority, priorities, type StreamSettings } from './streams.js';

export interface ForwarderSettings {
  /** Most compressed bytes that may be on the way, unacknowledged. */
  readonly windowBytes: number;
  /** Most bytes a second; `null` for no limit. */
  readonly bytesPerSecondMax: number | null;
  /** How long without a new watermark until everything after it is sent again; doubles up to `resendMsMax`. */
  readonly resendMs: number;
  readonly resendMsMax: number;
}

export const defaultForwarder: ForwarderSettings = {
  windowBytes: 4 * 1024 * 1024,
  bytesPerSecondMax: null,
  resendMs: 5_000,
  resendMsMax: 120_000,
};

interface Sent {
  readonly end: number;
  readonly bytes: number;
}

interface Cursor extends StreamPosition {
  readonly priority: Priority;
  /** The number after the last one that was sent over this connection. */
  readonly sent: number;
  /** Batches that no watermark has passed, oldest first. */
  readonly onTheWay: readonly Sent[];
}

export interface ForwarderState {
  readonly settings: ForwarderSettings;
  readonly isConnected: boolean;
  /** One batch is read, compressed and handed over at a time. */
  readonly isSending: boolean;
  /** By descending priority. */
  readonly cursors: readonly Cursor[];
  /** When more may be sent, with a limit of bytes a second. Monotonic. */
  readonly mayUseLinkAtMs: number;
  /** When to send again unless a watermark comes; `null` with nothing on the way. Monotonic. */
  readonly resendAtMs: number | null;
  readonly resends: number;
}

export type ForwarderEvent =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }
  /** Records became durable, or a watermark was applied to the buffer. */
  | { readonly kind: 'moved'; readonly positions: readonly StreamPosition[]; readonly isProgress: boolean }
  | {
      readonly kind: 'sent';
      readonly stream: string;
      readonly epoch: string;
      readonly end: number;
      readonly bytes: number;
    }
  /** The batch could not be read or handed over. */
  | { readonly kind: 'not-sent' }
  | { readonly kind: 'elapsed' };

export type ForwarderEffect =
  | { readonly kind: 'send'; readonly stream: string; readonly from: number }
  | { readonly kind: 'wake'; readonly afterMs: number };

export interface ForwarderStep {
  readonly state: ForwarderState;
  readonly effects: readonly ForwarderEffect[];
}

export function startForwarder(
  streams: readonly StreamSettings[],
  positions: readonly StreamPosition[],
  settings: ForwarderSettings,
): ForwarderState {
  const known = new Map(streams.map((stream) => [stream.name, stream]));
  const state: ForwarderState = {
    settings,
    isConnected: false,
    isSending: false,
    cursors: [],
    mayUseLinkAtMs: 0,
    resendAtMs: null,
    resends: 0,
  };
  // Streams that were taken out of the configuration are delivered all the same.
  return { ...state, cursors: move([], positions, (name) => known.get(name)?.priority ?? 'normal') };
}

/** @param nowMs monotonic */
export function stepForwarder(before: ForwarderState, event: ForwarderEvent, nowMs: number): ForwarderStep {
  switch (event.kind) {
    case 'connected':
      return goOn({ ...rewind(before), isConnected: true, resends: 0 }, nowMs);
    case 'disconnected':
      return { state: { ...rewind(before), isConnected: false, isSending: false }, effects: [] };
    case 'moved': {
      const priorityOf = (name: string): Priority =>
        before.cursors.find((cursor) => cursor.stream === name)?.priority ?? 'normal';
      const cursors = move(before.cursors, event.positions, priorityOf);
      const moved = { ...before, cursors };
      if (!event.isProgress) return goOn(moved, nowMs);
      const isWaiting = cursors.some(({ onTheWay }) => onTheWay.length > 0);
      const resendAtMs = isWaiting ? nowMs + before.settings.resendMs : null;
      return goOn({ ...moved, resends: 0, resendAtMs }, nowMs);
    }
    case 'sent':
      return goOn(afterSending(before, event, nowMs), nowMs);
    case 'not-sent':
      return { state: { ...before, isSending: false }, effects: wakeAt(before, nowMs + retryMs, nowMs) };
    case 'elapsed':
      return goOn(before, nowMs);
  }
}

/** After a read that failed; a connection that failed says so by itself. */
const retryMs = 1_000;

function afterSending(
  before: ForwarderState,
  { stream, epoch, end, bytes }: Extract<ForwarderEvent, { kind: 'sent' }>,
  nowMs: number,
): ForwarderState {
  const { settings } = before;
  const cursors = before.cursors.map((cursor) => {
    if (cursor.stream !== stream || cursor.epoch !== epoch || end <= cursor.acknowledged) return cursor;
    return { ...cursor, sent: Math.max(cursor.sent, end), onTheWay: [...cursor.onTheWay, { end, bytes }] };
  });
  const costMs = settings.bytesPerSecondMax === null ? 0 : (bytes / settings.bytesPerSecondMax) * 1_000;
  return {
    ...before,
    isSending: false,
    cursors,
    mayUseLinkAtMs: Math.max(before.mayUseLinkAtMs, nowMs) + costMs,
    resendAtMs: before.resendAtMs ?? nowMs + resendDelayMs(before),
  };
}

/** Sends again what waited too long, and the next batch where there is one and room for it. */
function goOn(before: ForwarderState, nowMs: number): ForwarderStep {
  if (!before.isConnected) return { state: before, effects: [] };
  let state = before;
  if (state.resendAtMs !== null && state.resendAtMs <= nowMs && !state.isSending) {
    state = { ...rewind(state), resends: state.resends + 1 };
  }
  if (state.isSending) return { state, effects: [] };
  const due = state.cursors.find((cursor) => cursor.sent < cursor.next);
  const bytes = state.cursors.flatMap(({ onTheWay }) => onTheWay).reduce((sum, sent) => sum + sent.bytes, 0);
  if (due === undefined || bytes >= state.settings.windowBytes)
    return { state, effects: wakeAt(state, null, nowMs) };
  if (state.mayUseLinkAtMs > nowMs) return { state, effects: wakeAt(state, state.mayUseLinkAtMs, nowMs) };
  return {
    state: { ...state, isSending: true },
    effects: [{ kind: 'send', stream: due.stream, from: due.sent }],
  };
}

function wakeAt(
  { resendAtMs }: ForwarderState,
  otherMs: number | null,
  nowMs: number,
): readonly ForwarderEffect[] {
  const times = [resendAtMs, otherMs].filter((time) => time !== null);
  return times.length === 0 ? [] : [{ kind: 'wake', afterMs: Math.max(0, Math.min(...times) - nowMs) }];
}

function resendDelayMs({ settings, resends }: ForwarderState): number {
  return Math.min(settings.resendMsMax, settings.resendMs * 2 ** Math.min(resends, 30));
}

function rewind(state: ForwarderState): ForwarderState {
  const cursors = state.cursors.map((cursor) => ({ ...cursor, sent: cursor.acknowledged, onTheWay: [] }));
  return { ...state, cursors, resendAtMs: null };
}

/** The cursors with these positions; one that starts anew, or goes back, sends from its watermark. */
function move(
  cursors: readonly Cursor[],
  positions: readonly StreamPosition[],
  priorityOf: (stream: string) => Priority,
): readonly Cursor[] {
  const moved = new Map(cursors.map((cursor) => [cursor.stream, cursor]));
  for (const position of positions) {
    const { stream, epoch, acknowledged } = position;
    const known = moved.get(stream);
    if (known === undefined || known.epoch !== epoch || acknowledged < known.acknowledged) {
      moved.set(stream, { ...position, priority: priorityOf(stream), sent: acknowledged, onTheWay: [] });
    } else {
      const onTheWay = known.onTheWay.filter(({ end }) => end > acknowledged);
      moved.set(stream, { ...known, ...position, sent: Math.max(known.sent, acknowledged), onTheWay });
    }
  }
  return [...moved.values()].sort(
    (a, b) =>
      priorities.indexOf(b.priority) - priorities.indexOf(a.priority) || (a.stream < b.stream ? -1 : 1),
  );
}
