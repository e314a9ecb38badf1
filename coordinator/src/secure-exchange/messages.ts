/** What a device says in a stage, and the bytes that are stored of it: the wire's own. */
import type * as federation from '@starling/federation';
import * as wire from '@starling/proto';
import type { ExchangeStage } from '../rounds/index.js';
import {
  advertisedKeysMessage,
  advertisedKeysOf,
  revealedSharesMessage,
  revealedSharesOf,
  sharedKeysMessage,
  sharedKeysOf,
} from './wire.js';

export type StageMessage =
  | { readonly stage: 'advertise-keys'; readonly keys: federation.AdvertisedKeys }
  | { readonly stage: 'share-keys'; readonly shared: federation.SharedKeys }
  | { readonly stage: 'consistency'; readonly signed: federation.SignedSurvivors }
  | { readonly stage: 'unmask'; readonly revealed: federation.RevealedShares };

export function encodeMessage(message: StageMessage): Uint8Array {
  switch (message.stage) {
    case 'advertise-keys':
      return wire.encodeMessage(wire.AdvertisedKeys, advertisedKeysMessage(message.keys));
    case 'share-keys':
      return wire.encodeMessage(wire.SharedKeys, sharedKeysMessage(message.shared));
    case 'consistency':
      return message.signed.signature;
    case 'unmask':
      return wire.encodeMessage(wire.RevealedShares, revealedSharesMessage(message.revealed));
  }
}

/** Throws where the bytes are not what `encodeMessage` wrote. */
export function decodeMessage(stage: ExchangeStage, bytes: Uint8Array): StageMessage {
  switch (stage) {
    case 'advertise-keys':
      return { stage, keys: advertisedKeysOf(wire.decodeMessage(wire.AdvertisedKeys, bytes)) };
    case 'share-keys':
      return { stage, shared: sharedKeysOf(wire.decodeMessage(wire.SharedKeys, bytes)) };
    case 'consistency':
      return { stage, signed: { signature: bytes } };
    case 'unmask':
      return { stage, revealed: revealedSharesOf(wire.decodeMessage(wire.RevealedShares, bytes)) };
  }
}
