import { decodeMessage, RevealSharesRequest, type RoundKey, UploadUpdateRequest } from '@starling/proto';
import type { MakeChecker } from './checker.js';

const reveals = '/starling.v1.SecureAggregationService/RevealShares';
const uploads = '/starling.v1.RoundService/UploadUpdate';

/**
 * Of no device are both secrets told, nor two updates under the same masks: either would open a single update to the
 * coordinator.
 */
export const secrets: MakeChecker = ({ report, hostile, runs }) => {
  const told = new Map<string, 'self-mask' | 'mask-key'>();
  const masked = new Map<string, string>();
  const nameOf = ({ runId, round, attempt }: RoundKey): string =>
    `${runId} round ${round} attempt ${attempt}`;
  return {
    name: 'secrets',
    onRequest({ path, from }, request) {
      if (hostile.has(from)) return;
      if (path === reveals) {
        const { round, revealed } = decodeMessage(RevealSharesRequest, request);
        if (round === undefined || revealed === undefined) return;
        const note = (owner: number, secret: 'self-mask' | 'mask-key'): void => {
          const name = `${nameOf(round)} owner ${owner}`;
          const before = told.get(name);
          if (before !== undefined && before !== secret)
            report(`shares of both secrets of ${name} were told`);
          told.set(name, secret);
        };
        for (const { owner } of revealed.selfMasks) note(owner, 'self-mask');
        for (const { owner } of revealed.maskKeys) note(owner, 'mask-key');
      } else if (path === uploads) {
        const { part } = decodeMessage(UploadUpdateRequest, request);
        const round = part?.kind === 'header' ? part.value.round : undefined;
        if (part?.kind !== 'header' || round === undefined) return;
        const first = runs.get(round.runId)?.at(0)?.event;
        if (first?.kind !== 'run-started' || first.settings.train.secure === null) return;
        const name = `${nameOf(round)} ${from}`;
        const sha256 = Buffer.from(part.value.sha256).toString('hex');
        const before = masked.get(name);
        if (before !== undefined && before !== sha256) report(`two updates under the masks of ${name}`);
        masked.set(name, sha256);
      }
    },
  };
};
