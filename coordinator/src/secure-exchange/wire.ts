/** Secure aggregation's messages as the wire's, and back. What is malformed is for the protocol to reject. */
import type * as federation from '@starling/federation';
import type * as wire from '@starling/proto';

/** Bytes from the wire are views of a larger message; what is kept must not keep that alive. */
const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

export function advertisedKeysOf(message: wire.AdvertisedKeys): federation.AdvertisedKeys {
  return {
    round: copy(message.roundSha256),
    device: message.deviceId,
    certificate: copy(message.certificate),
    sealKey: copy(message.sealKey),
    maskKey: copy(message.maskKey),
    signature: copy(message.signature),
  };
}

export function advertisedKeysMessage(keys: federation.AdvertisedKeys): wire.AdvertisedKeys {
  const { round, device, certificate, sealKey, maskKey, signature } = keys;
  return { roundSha256: round, deviceId: device, certificate, sealKey, maskKey, signature };
}

export function rosterMessage({ leaves, index, graph, neighbours }: federation.Roster): wire.Roster {
  return {
    leaves,
    index,
    degree: graph.degree,
    threshold: graph.threshold,
    neighbours: neighbours.map((neighbour) => ({
      index: neighbour.index,
      keys: advertisedKeysMessage(neighbour.keys),
    })),
  };
}

export function sharedKeysOf({ commitment, shares }: wire.SharedKeys): federation.SharedKeys {
  return {
    commitment: copy(commitment),
    sealed: shares.map(({ peer, sealed }) => ({ peer, bytes: copy(sealed) })),
  };
}

export function sharedKeysMessage({ commitment, sealed }: federation.SharedKeys): wire.SharedKeys {
  return { commitment, shares: sealed.map(({ peer, bytes }) => ({ peer, sealed: bytes })) };
}

export function deliveredSharesMessage({ sealed }: federation.DeliveredShares): wire.DeliveredShares {
  return { shares: sealed.map(({ peer, bytes }) => ({ peer, sealed: bytes })) };
}

export function survivorsMessage(announcement: federation.SurvivorsAnnouncement): wire.Survivors {
  const { survivors, dropouts } = announcement;
  return { survivors, dropouts };
}

export function collectedSignaturesMessage({
  signatures,
}: federation.CollectedSignatures): wire.CollectedSignatures {
  return { signatures: signatures.map(({ signer, signature }) => ({ signer, signature })) };
}

export function revealedSharesOf(message: wire.RevealedShares): federation.RevealedShares {
  const shares = (list: readonly wire.RevealedShare[]): federation.RevealedShare[] =>
    list.map(({ owner, share }) => ({ owner, share: copy(share) }));
  return { selfMasks: shares(message.selfMasks), maskKeys: shares(message.maskKeys) };
}

export function revealedSharesMessage({
  selfMasks,
  maskKeys,
}: federation.RevealedShares): wire.RevealedShares {
  return { selfMasks, maskKeys };
}
