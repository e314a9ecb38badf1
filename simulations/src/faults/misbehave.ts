/** Clients that misbehave: what an honest agent says, changed on its way by a device that is not honest. */
import {
  AdvertiseKeysRequest,
  AwaitSurvivorsRequest,
  decodeMessage,
  encodeMessage,
  GetRoundStateRequest,
  type MessageType,
  ReportFailureRequest,
  RevealSharesRequest,
  type RoundKey,
  ShareKeysRequest,
  SignSurvivorsRequest,
} from '@starling/proto';
import type { Tamper } from '../world/network.js';
import { deviceNames } from './fleet.js';
import type { Misbehaviour } from './operation.js';

/** Requests of devices that name a round. */
const ofRounds: Readonly<Record<string, MessageType<Named>>> = {
  '/starling.v1.RoundService/GetRoundState': GetRoundStateRequest,
  '/starling.v1.RoundService/ReportFailure': ReportFailureRequest as MessageType<Named>,
  '/starling.v1.SecureAggregationService/AdvertiseKeys': AdvertiseKeysRequest as MessageType<Named>,
  '/starling.v1.SecureAggregationService/ShareKeys': ShareKeysRequest as MessageType<Named>,
  '/starling.v1.SecureAggregationService/AwaitSurvivors': AwaitSurvivorsRequest as MessageType<Named>,
  '/starling.v1.SecureAggregationService/SignSurvivors': SignSurvivorsRequest as MessageType<Named>,
  '/starling.v1.SecureAggregationService/RevealShares': RevealSharesRequest as MessageType<Named>,
};

interface Named {
  readonly deviceId: string;
  readonly round?: RoundKey | undefined;
}

const upload = '/starling.v1.RoundService/UploadUpdate';
/** Of `UploadUpdateRequest.chunk`; what does not begin with it is a header. */
const chunkTag = 0x12;
const often = 0.4;

export function tamperOf(how: Misbehaviour): Tamper {
  const earlier = new Map<string, Buffer>();
  return ({ path }, request, chance) => {
    // How many examples are behind an update is the device's word: what it says there, nobody can check.
    if (path === upload && request[0] !== chunkTag) return [request];
    // An update is sent once, most other things again and again.
    if (path !== upload && !chance.happens(often)) return [request];
    switch (how) {
      case 'flip-bits': {
        const changed = Buffer.from(request);
        if (changed.byteLength > 0) changed[chance.integer(changed.byteLength)] ^= 1 << chance.integer(8);
        return [changed];
      }
      case 'truncate':
        return [request.subarray(0, chance.integer(request.byteLength + 1))];
      case 'replay': {
        const before = earlier.get(path);
        earlier.set(path, request);
        return before === undefined || path === upload ? [request] : [before, request];
      }
      case 'other-attempt':
        return changed(path, request, (message) => ({
          ...message,
          round: message.round && {
            ...message.round,
            round: Math.max(1, message.round.round + chance.integer(3) - 1),
            attempt: message.round.attempt + chance.integer(2),
          },
        }));
      case 'other-device':
        return changed(path, request, (message) => ({ ...message, deviceId: chance.pick(deviceNames) }));
    }
  };
}

function changed(path: string, request: Buffer, change: (message: Named) => Named): readonly Buffer[] {
  const type = ofRounds[path];
  if (type === undefined) return [request];
  return [Buffer.from(encodeMessage(type, change(decodeMessage(type, request))))];
}
