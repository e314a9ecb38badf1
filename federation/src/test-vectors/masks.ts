import { createSeededEntropy } from '../ports/index.js';
import { createKeyStream, maskAndPack } from '../secure-aggregation/masks/index.js';
import type { PrivacyOffer } from '../secure-aggregation/privacy-offer.js';
import { roundHash } from '../secure-aggregation/round.js';
import { commitmentOf, pairMask, sealNonce, selfMask } from '../secure-aggregation/secrets.js';
import { testRound } from '../secure-aggregation/testing/fleet.js';
import { transcript } from '../secure-aggregation/transcript.js';
import { elementsOf } from './ring.js';
import { hex } from './text.js';

/** Transcripts, and everything derived from secrets. */
export function maskVectors(): object {
  const entropy = createSeededEntropy('test vectors: masks');
  const secret = entropy.bytes(32);
  const roster = entropy.bytes(32);
  const keys = [entropy.bytes(32), entropy.bytes(32), entropy.bytes(32)];
  const pairs = [
    [0, 1],
    [1, 0],
    [3, 70_000],
  ] as const;
  const budget = { epsilon: 8, delta: 1e-5 };
  const offers: readonly PrivacyOffer[] = [
    { kind: 'none' },
    { kind: 'central', ...budget },
    ...(['skellam', 'discrete-gaussian'] as const).map((mechanism) => {
      const noise = { mechanism, noiseStddevSteps: 12.5, sampling: 0.25 };
      return { kind: 'distributed', ...budget, noise } as const;
    }),
  ];
  return {
    describes: 'transcripts, derivations and masks: docs/protocol.md, "Transcripts", "Masks"',
    transcripts: [
      { purpose: 'self mask', fields: [{ number: 3 }], bytes: hex(transcript('self mask', 3)) },
      {
        purpose: 'round',
        fields: [{ text: 'Gerät 1' }, { number: 0.1 }, { bytes: hex(roster) }],
        bytes: hex(transcript('round', 'Gerät 1', 0.1, roster)),
      },
    ],
    rounds: offers.map((privacy) => {
      const round = testRound({ attempt: 2, privacy });
      const { planHash, requestHash } = round;
      return {
        ...round,
        planHash: hex(planHash),
        requestHash: hex(requestHash),
        hash: hex(roundHash(round)),
      };
    }),
    secret: hex(secret),
    rosterHash: hex(roster),
    selfMasks: [0, 9].map((device) => ({ device, key: hex(selfMask(secret, roster, device).key) })),
    pairMasks: pairs.map(([device, neighbour]) => {
      const { key, sign } = pairMask(secret, roster, device, neighbour);
      return { device, neighbour, key: hex(key), sign };
    }),
    commitment: { device: 9, digest: hex(commitmentOf(secret, roster, 9)) },
    sealNonce: { sender: 2, recipient: 5, nonce: hex(sealNonce(roster, 2, 5)) },
    keyStreams: [0, 1, 65_535].map((firstBlock) => ({
      key: hex(keys[0]),
      firstBlock,
      bytes: hex(createKeyStream(keys[0], firstBlock).next(48)),
    })),
    masked: [11, 12, 18].map((bits) => {
      const elements = elementsOf(bits, 130);
      const masks = keys.map((key, i) => ({ key, sign: i === 1 ? ('subtract' as const) : ('add' as const) }));
      return {
        ringBits: bits,
        elements: Array.from(elements),
        masks: masks.map(({ key, sign }) => ({ key: hex(key), sign })),
        packed: hex(maskAndPack(elements, masks, bits)),
      };
    }),
  };
}
