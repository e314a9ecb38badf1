/** Drives the forwarder's state machine: reads from the buffer, sends over a link, opens another when one breaks. */
import { promisify } from 'node:util';
import { constants, deflateRaw, type ZlibOptions } from 'node:zlib';
import type { Clock, Entropy, Scheduled } from '@starling/federation';
import { encodeMessage, TelemetryBatch, type TelemetryWatermark } from '@starling/proto';
import { backoffWindow, defaultBackoff } from '../connection/backoff.js';
import { drawFrom, type Log } from '../connection/shell.js';
import type { StreamPosition, TelemetryBuffer } from './buffer.js';
import { type ForwarderEvent, type ForwarderSettings, startForwarder, stepForwarder } from './forwarder.js';
import type { OpenLink, TelemetryLink } from './link.js';
import type { StreamSettings } from './streams.js';

export interface ForwardOptions {
  readonly buffer: TelemetryBuffer;
  readonly streams: readonly StreamSettings[];
  readonly openLink: OpenLink;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly settings: ForwarderSettings;
}

export interface Forwarding {
  /** Records became durable. */
  moved(positions: readonly StreamPosition[]): void;
  /** How telemetry travels now; `undefined` with no connection. */
  link(): TelemetryLink['kind'] | undefined;
  close(): void;
}

/** Plain bytes of one batch: large enough that what is around it does not count, small enough to be sent again. */
const batchBytesMax = 256 * 1024;
/** Looked up with each call, because a simulation puts its own in its place, and may be loaded after this. */
const compress = (bytes: Uint8Array, options: ZlibOptions) => promisify(deflateRaw)(bytes, options);

export function startForwarding(options: ForwardOptions): Forwarding {
  const { buffer, openLink, clock, entropy, log } = options;
  const ending = new AbortController();
  let state = startForwarder(options.streams, buffer.positions(), options.settings);
  let link: TelemetryLink | undefined;
  let failures = 0;
  let reconnecting: Scheduled | undefined;
  let waking: Scheduled | undefined;

  const post = (event: ForwarderEvent): void => {
    if (ending.signal.aborted) return;
    const step = stepForwarder(state, event, clock.monotonic());
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'send') void send(effect.stream, effect.from, link);
      else {
        waking?.cancel();
        waking = clock.schedule(effect.afterMs, () => post({ kind: 'elapsed' }));
      }
    }
  };

  const send = async (stream: string, from: number, over: TelemetryLink | undefined): Promise<void> => {
    const isStale = (): boolean => over === undefined || over !== link;
    try {
      const stored = buffer.read(stream, from, batchBytesMax);
      const { epoch, firstSequence, recordCount, losses, records: plain } = stored;
      const records = await compress(plain, { level: constants.Z_BEST_SPEED });
      const batch = encodeMessage(TelemetryBatch, {
        stream,
        epoch,
        firstSequence,
        recordCount,
        losses,
        records,
        recordsBytes: plain.byteLength,
      });
      if (over === undefined || isStale()) return;
      await over.send(batch);
      if (isStale()) return;
      post({ kind: 'sent', stream, epoch, end: firstSequence + recordCount, bytes: batch.byteLength });
    } catch (error) {
      // A link that broke says so itself, and everything is sent again over the next one.
      if (isStale()) return;
      log.warn({ stream, why: describe(error) }, 'A batch of telemetry was not sent.');
      post({ kind: 'not-sent' });
    }
  };

  const onWatermark = ({ stream, epoch, nextSequence }: TelemetryWatermark): void => {
    if (ending.signal.aborted) return;
    try {
      const positions = [buffer.acknowledge(stream, epoch, nextSequence)];
      failures = 0;
      post({ kind: 'moved', positions, isProgress: true });
    } catch (error) {
      log.error({ stream, why: describe(error) }, 'The telemetry buffer could not be written.');
    }
  };

  const connectLater = (): void => {
    failures += 1;
    const window = backoffWindow(defaultBackoff, failures);
    reconnecting = clock.schedule(drawFrom(window, entropy), () => void connectNow());
  };

  const connectNow = async (): Promise<void> => {
    let opened: TelemetryLink | undefined;
    /** Why it closed before it was open. */
    let closedEarly: string | undefined;
    try {
      opened = await openLink(
        {
          onWatermark,
          onClosed(why) {
            if (opened === undefined) closedEarly = why;
            if (opened === undefined || link !== opened || ending.signal.aborted) return;
            link = undefined;
            log.info({ why }, 'The connection for telemetry is closed; records are kept meanwhile.');
            post({ kind: 'disconnected' });
            connectLater();
          },
        },
        ending.signal,
      );
      if (ending.signal.aborted) return opened.close();
      if (closedEarly !== undefined) throw new Error(closedEarly);
      link = opened;
      log.info({ link: opened.kind }, 'Telemetry is connected.');
      post({ kind: 'connected' });
    } catch (error) {
      if (ending.signal.aborted) return;
      if (failures === 0)
        log.info({ why: describe(error) }, 'No connection for telemetry; records are kept meanwhile.');
      connectLater();
    }
  };

  void connectNow();
  return {
    moved: (positions) => post({ kind: 'moved', positions, isProgress: false }),
    link: () => link?.kind,
    close() {
      ending.abort();
      reconnecting?.cancel();
      waking?.cancel();
      link?.close();
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
