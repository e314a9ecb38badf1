/** Receives one update: header, chunks, then verification, and an answer once it is durable. */

import { type Clock, StrategyError, weightOf, weightWithin } from '@starling/federation';
import {
  type CallContext,
  CHUNK_BYTES_MAX,
  requireField,
  type UpdateHeader,
  type UploadUpdateRequest,
} from '@starling/proto';
import {
  checkAnnouncedLength,
  type PayloadForm,
  type Spool,
  senderOf,
  type UploadAnnouncement,
  type UploadSlots,
  verifyPayload,
} from '../aggregation/index.js';
import type { DeviceRegistry } from '../check-in/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import type { MetricSums } from '../rounds/index.js';
import { type PreparedTask, type Runner, secureSettingsOf } from '../runner/index.js';
import { callingDevice, invalid, metricSumsOf, roundKeyOf, sha256Of } from './parse.js';

export interface UploadOptions {
  readonly registry: DeviceRegistry;
  readonly runner: Runner;
  readonly spool: Spool;
  readonly slots: UploadSlots;
  /** Told of every chunk that was written. */
  readonly noteReceived: (bytes: number) => void;
  readonly clock: Clock;
  readonly now: () => number;
  /** Longest silence within an upload, in milliseconds. */
  readonly idleMsMax: number;
}

/** Examples that one update may claim: beyond it, a claim is a mistake or an attempt to outweigh the others. */
const exampleCountMax = 2 ** 31;

interface Announced {
  readonly announcement: UploadAnnouncement;
  readonly offset: number;
  readonly weight: number;
  readonly metrics: MetricSums;
  readonly form: PayloadForm;
  /** The largest L2 norm that counts; `null` for any. */
  readonly clipBound: number | null;
}

/** The handler of `UploadUpdate`: receives the update when it is its turn. */
export async function receiveUpdate(
  requests: AsyncIterable<UploadUpdateRequest>,
  context: CallContext,
  options: UploadOptions,
): Promise<{ readonly newlyCounted: boolean }> {
  const leave = await options.slots.enter(context.signal);
  try {
    return await receive(requests, context, options);
  } finally {
    leave();
  }
}

async function receive(
  requests: AsyncIterable<UploadUpdateRequest>,
  context: CallContext,
  options: UploadOptions,
): Promise<{ readonly newlyCounted: boolean }> {
  const { registry, runner, spool, now } = options;
  const messages = impatient(requests[Symbol.asyncIterator](), options);
  const header = await readHeader(messages);
  const { announcement, offset, metrics, form, ...counting } = await announcedBy(header, context, options);
  const { key, deviceId } = announcement;
  if (!(await runner.mayContribute(key, deviceId))) return { newlyCounted: false };
  checkAnnouncedLength(announcement, form);
  registry.seen(deviceId, now());

  // The round may end at any moment, and its spool with it: that answer is better than a missing file.
  const unlessOver = async (error: unknown): Promise<never> => {
    if (!(error instanceof CoordinatorError)) await runner.mayContribute(key, deviceId);
    throw error;
  };
  const upload = await spool.begin(announcement, offset).catch(unlessOver);
  try {
    for (;;) {
      const next = await messages.next();
      if (next.done === true) break;
      const chunk = chunkOf(next.value);
      await upload.append(chunk);
      options.noteReceived(chunk.byteLength);
    }
  } catch (error) {
    await upload.release();
    throw error;
  }
  const path = await upload.finish().catch(unlessOver);

  // From here on the payload is set apart; whatever becomes of it, it leaves that place.
  let { weight } = counting;
  try {
    const { norm } = await verifyPayload(path, announcement, form);
    if (counting.clipBound !== null) weight = boundedWeight(announcement, norm, counting.clipBound);
  } catch (error) {
    await spool.discard(path);
    return await unlessOver(error);
  }
  const contribution = { deviceId, payloadBytes: announcement.sizeBytes, metrics };
  try {
    const newlyCounted = await runner.contribute(key, { contribution, payload: { path, weight } });
    await spool.discard(path);
    return { newlyCounted };
  } catch (error) {
    await spool.takeBack(announcement, path);
    throw error;
  }
}

/** A call that falls silent is ended: it would hold a file open for ever. What it sent stays held. */
function impatient<T>(messages: AsyncIterator<T>, { clock, idleMsMax }: UploadOptions): AsyncIterator<T> {
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const timer = clock.schedule(idleMsMax, () => reject(stalled(idleMsMax)));
        messages
          .next()
          .then(resolve, reject)
          .finally(() => timer.cancel());
      }),
  };
}

function stalled(idleMsMax: number): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'aborted',
      'UPLOAD_STALLED',
      `The upload was silent for ${idleMsMax / 1000} s.`,
      'Ask GetUpload where to go on, and send the rest.',
    ),
  );
}

async function readHeader(messages: AsyncIterator<UploadUpdateRequest>): Promise<UpdateHeader> {
  const first = await messages.next();
  const part = first.done === true ? undefined : first.value.part;
  if (part?.kind === 'header') return part.value;
  throw invalid(
    'HEADER_MISSING',
    'The first message of UploadUpdate must be the header of the update.',
    'Send the header, then the chunks.',
  );
}

function chunkOf(message: UploadUpdateRequest): Uint8Array {
  const part = requireField(message.part, 'UploadUpdateRequest.part');
  if (part.kind === 'header') {
    throw invalid('HEADER_REPEATED', 'UploadUpdate has a second header.', 'Send one update a call.');
  }
  if (part.value.byteLength > CHUNK_BYTES_MAX) {
    throw invalid(
      'CHUNK_TOO_LARGE',
      `A chunk has ${part.value.byteLength} bytes.`,
      `Send chunks of at most ${CHUNK_BYTES_MAX} bytes.`,
    );
  }
  return part.value;
}

async function announcedBy(
  header: UpdateHeader,
  context: CallContext,
  { registry, runner }: UploadOptions,
): Promise<Announced> {
  const deviceId = callingDevice(header.deviceId, context);
  registry.require(deviceId);
  const key = roundKeyOf(header.round, 'UpdateHeader.round');
  const { round, task } = await runner.locate(key);
  const masked = secureSettingsOf(task, round);
  if (round.started.purpose === 'evaluate' && masked === null) {
    throw invalid(
      'WRONG_PURPOSE',
      `Round ${key.round}, attempt ${key.attempt} of run ${key.runId} evaluates; it takes no updates.`,
      'Do what the assignment says.',
    );
  }
  const sha256 = sha256Of(header.sha256, 'UpdateHeader.sha256');
  const announcement = { key, deviceId, sizeBytes: header.sizeBytes, sha256 };
  if (masked !== null) {
    refuseWhatIsNotMasked(header);
    return {
      announcement,
      offset: header.offsetBytes,
      weight: 1,
      metrics: { weight: 0, sums: {} },
      form: { kind: 'masked', vectorLength: masked.layout.vectorLength, ringBits: masked.layout.ringBits },
      // What the ring admits is the bound that is left.
      clipBound: null,
    };
  }
  return {
    announcement,
    offset: header.offsetBytes,
    weight: updateWeight(task, header.exampleCount),
    metrics: metricSumsOf(header.metrics, task.updateMetricNames, 'UpdateHeader.metrics'),
    form: { kind: 'clear', parameterCount: task.parameterCount, encoding: task.encoding },
    clipBound: round.started.privacy?.clipBound ?? null,
  };
}

/** Examples and metrics of a single device are for nobody else to see: with secure aggregation they are in the vector. */
function refuseWhatIsNotMasked({ exampleCount, metrics, trainingMs }: UpdateHeader): void {
  if (exampleCount === 0 && trainingMs === 0 && (metrics?.sums.length ?? 0) === 0) return;
  throw invalid(
    'UPDATE_NOT_MASKED',
    'The header of the update says how many examples, which metrics or how much time are behind it.',
    'Leave them out: they are summed under masks with the update.',
  );
}

/**
 * The device has clipped already; what rounding made longer, or a device that did not clip, is scaled down here, because
 * the noise is made for the bound.
 */
function boundedWeight(announcement: UploadAnnouncement, norm: number, clipBound: number): number {
  const weight = weightWithin(norm, clipBound);
  if (weight > 0) return weight;
  throw new CoordinatorError(
    refusal(
      'invalid-argument',
      'UPDATE_TOO_LARGE',
      `The update of ${senderOf(announcement)} is more than 2^20 times longer than the clipping bound of ${clipBound}.`,
      'Clip the delta as the assignment says.',
    ),
  );
}

function updateWeight(task: PreparedTask, exampleCount: number): number {
  try {
    if (exampleCount <= exampleCountMax) return weightOf(task.strategy.weighting, exampleCount);
  } catch (error) {
    if (!(error instanceof StrategyError)) throw error;
  }
  throw new CoordinatorError(
    refusal(
      'invalid-argument',
      'EXAMPLE_COUNT_INVALID',
      `UpdateHeader.example_count is ${exampleCount}; an update counts from 1 to ${exampleCountMax} examples.`,
      'Report a failure instead where there is nothing to train on.',
    ),
  );
}
