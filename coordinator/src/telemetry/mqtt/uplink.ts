/** Telemetry over MQTT, whatever broker carries it. */
import { decodeMessage, encodeMessage, TelemetryBatch, TelemetryWatermark } from '@starling/proto';
import { CoordinatorError } from '../../errors.js';
import type { DeviceId } from '../../ids.js';
import type { TelemetryInbox } from '../inbox.js';

/** A batch and what MQTT writes around it. */
export const packetBytesMax = 1024 * 1024 + 64 * 1024;

export interface UplinkLog {
  info(context: object, message: string): void;
  warn(context: object, message: string): void;
}

/** Gives the watermark to publish, or nothing where the message was refused: that is logged, and the device sends again. */
export async function takeMessage(
  inbox: TelemetryInbox,
  deviceId: DeviceId,
  payload: Uint8Array,
  log: UplinkLog,
): Promise<Uint8Array | undefined> {
  let batch: TelemetryBatch;
  try {
    batch = decodeMessage(TelemetryBatch, payload);
  } catch {
    log.warn({ device: deviceId }, 'a message on the telemetry topic is no TelemetryBatch');
    return undefined;
  }
  try {
    return encodeMessage(TelemetryWatermark, await inbox.take(deviceId, batch));
  } catch (error) {
    const why = error instanceof CoordinatorError ? error.code : String(error);
    log.warn({ device: deviceId, why }, 'telemetry was not taken');
    return undefined;
  }
}
