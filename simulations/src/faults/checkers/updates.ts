import {
  decodeMessage,
  GetUploadRequest,
  GetUploadResponse,
  type RoundKey,
  UploadUpdateRequest,
} from '@starling/proto';
import type { MakeChecker } from './checker.js';

const uploads = '/starling.v1.RoundService/UploadUpdate';
const asks = '/starling.v1.RoundService/GetUpload';

/**
 * No update is counted twice, from outside the cohort or after its collection closed; one that a device was told is
 * counted is in the log by then.
 */
export const updates: MakeChecker = ({ report, runs }) => {
  const cohorts = new Map<string, ReadonlySet<string>>();
  const counted = new Set<string>();
  const closed = new Set<string>();
  const nameOf = (key: RoundKey): string => `${key.runId} ${key.round} ${key.attempt}`;
  const acknowledged = (key: RoundKey | undefined, device: string): void => {
    if (key === undefined || !runs.has(key.runId)) return;
    if (!counted.has(`${nameOf(key)} ${device}`)) {
      report(
        `device ${device} was told that its update to ${nameOf(key)} is counted; no durable event says so`,
      );
    }
  };
  return {
    name: 'updates',
    onEvents(_runId, events) {
      for (const event of events) {
        if (!('key' in event)) continue;
        const name = nameOf(event.key);
        if (event.kind === 'cohort-selected') cohorts.set(name, new Set(event.devices));
        if (event.kind === 'collection-closed') closed.add(name);
        if (event.kind === 'contributions-counted') {
          if (closed.has(name)) report(`updates are counted in ${name} after its collection closed`);
          for (const { deviceId } of event.contributions) {
            if (counted.has(`${name} ${deviceId}`))
              report(`the update of ${deviceId} is counted twice in ${name}`);
            if (cohorts.get(name)?.has(deviceId) !== true)
              report(`${deviceId} is not of the cohort of ${name}`);
            counted.add(`${name} ${deviceId}`);
          }
        }
        if (event.kind === 'round-committed') {
          const updates = [...(cohorts.get(name) ?? [])].filter((device) => counted.has(`${name} ${device}`));
          if (updates.length !== event.updates) {
            report(`${name} is committed with ${event.updates} updates, and ${updates.length} were counted`);
          }
        }
      }
    },
    onAnswer({ path, from }, request, answer) {
      if (path === uploads) {
        // Any answer but a refusal says that the update counts.
        const { part } = decodeMessage(UploadUpdateRequest, request);
        if (part?.kind === 'header') acknowledged(part.value.round, from);
      } else if (path === asks && decodeMessage(GetUploadResponse, answer).counted) {
        acknowledged(decodeMessage(GetUploadRequest, request).round, from);
      }
    },
  };
};
