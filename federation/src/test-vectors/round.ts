import { revealShares } from '../secure-aggregation/client/index.js';
import { addPacked, applyMasks, maskAndPack } from '../secure-aggregation/masks/index.js';
import { leafHash } from '../secure-aggregation/roster.js';
import { closeReveals, receiveReveal, signaturesFor } from '../secure-aggregation/server/index.js';
import { proceeded, runStages } from '../secure-aggregation/testing/stages.js';
import { taken } from '../secure-aggregation/testing/whole-round.js';
import { hex } from './text.js';

const devices = 4;
const dropout = 2;
const secrets = 'test vectors';
const requirements = { corruptFraction: 0.1, dropoutFraction: 0.3, securityBits: 40, correctnessBits: 20 };

/**
 * A whole round: four devices, of whom one is lost after it shared keys. `drawn` is what a device took from its source
 * of chance, in order; certificates are opaque, here the identity key itself.
 */
export function roundVectors(): object {
  const stages = runStages({
    devices,
    secrets,
    dropout,
    round: { attempt: 1, ringBits: 12, vectorLength: 10, requirements },
  });
  const { fleet, round, cohort, ready, signed } = stages;
  let reveals = stages.reveals;
  const sum = new Uint32Array(round.vectorLength);
  const clients = fleet.identities.map((identity, i) => {
    const advertised = stages.advertised[i];
    const { masks } = ready[i];
    const vector = new Uint32Array(round.vectorLength).fill(i);
    const packed = maskAndPack(vector, masks, round.ringBits);
    const entropy = fleet.entropyOf(i);
    const common = {
      device: identity.device,
      drawn: {
        sealSecretThenMaskSecret: hex(entropy.fork(secrets).bytes(64)),
        selfMaskSecretThenShares: hex(
          entropy.fork('shares').bytes(32 + 2 * 4 * 11 * cohort.parameters.threshold),
        ),
      },
      advertises: {
        round: hex(advertised.keys.round),
        certificate: hex(advertised.keys.certificate),
        sealKey: hex(advertised.keys.sealKey),
        maskKey: hex(advertised.keys.maskKey),
        signature: hex(advertised.keys.signature),
      },
      leaf: hex(leafHash(advertised.keys)),
      shares: {
        commitment: hex(stages.shared[i].message.commitment),
        sealed: stages.shared[i].message.sealed.map(({ peer, bytes }) => ({ peer, bytes: hex(bytes) })),
      },
      masks: masks.map(({ key, sign }) => ({ key: hex(key), sign })),
      vector: Array.from(vector),
      packed: hex(packed),
    };
    if (i === dropout) return common;
    addPacked(sum, packed, round.ringBits);
    const state = signed.find(({ cohort: { index } }) => index === i);
    if (state === undefined) throw new Error('a survivor has signed');
    const { message } = proceeded(revealShares(state, signaturesFor(reveals, i), fleet.suite));
    reveals = taken(receiveReveal(reveals, identity.device, message));
    const shares = (kind: 'selfMasks' | 'maskKeys'): object[] =>
      message[kind].map(({ owner, share }) => ({ owner, share: hex(share) }));
    return {
      ...common,
      survivorsSignature: hex(state.signature),
      reveals: { selfMasks: shares('selfMasks'), maskKeys: shares('maskKeys') },
    };
  });
  const unmasking = closeReveals(reveals, fleet.suite);
  if (unmasking.kind === 'abandoned') throw new Error(unmasking.message);
  const maskedSum = Array.from(sum);
  applyMasks(sum, unmasking.masks, round.ringBits);
  return {
    describes: 'a whole round: docs/protocol.md, "Secure aggregation, byte by byte"',
    round: {
      run: round.run,
      round: round.round,
      attempt: round.attempt,
      planHash: hex(round.planHash),
      requestHash: hex(round.requestHash),
      ringBits: round.ringBits,
      vectorLength: round.vectorLength,
      cohortMinimum: round.cohortMinimum,
      requirements,
      privacy: { kind: 'none' },
    },
    graph: cohort.parameters,
    leaves: hex(cohort.leaves),
    rosterHash: hex(cohort.rosterHash),
    clients,
    survivors: hex(stages.announcement.survivors),
    dropouts: hex(stages.announcement.dropouts),
    maskedSum,
    sum: Array.from(sum),
  };
}
