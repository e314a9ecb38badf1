import { hasDevice } from '../device-set.js';
import type { KeySuite } from '../keys/index.js';
import type { CollectedSignatures, SharedKeys, SignedSurvivors, SurvivorsAnnouncement } from '../messages.js';
import { survivorsTranscript, type TrustCertificate } from '../roster.js';
import { sameBytes } from '../transcript.js';
import { emptySlots, neighboursAmong, type ServerCohort, type Slots } from './cohort.js';
import { type CollectingReveals, collectReveals } from './collect-reveals.js';
import { accepted, duplicate, type Receipt, rejected } from './verdict.js';

/** Stage 4: the survivors sign whose updates are in the sum. */
export interface CollectingSignatures {
  readonly kind: 'collecting-signatures';
  readonly cohort: ServerCohort;
  readonly shared: Slots<SharedKeys>;
  /** The same for everybody. */
  readonly announcement: SurvivorsAnnouncement;
  readonly signatures: Slots<Uint8Array>;
}

export function collectSignatures(
  cohort: ServerCohort,
  shared: Slots<SharedKeys>,
  announcement: SurvivorsAnnouncement,
): CollectingSignatures {
  return { kind: 'collecting-signatures', cohort, shared, announcement, signatures: emptySlots(cohort) };
}

/** Takes the signature of `sender`: a wrong one would make its neighbours refuse. */
export function receiveSignature(
  state: CollectingSignatures,
  sender: string,
  message: SignedSurvivors,
  trust: TrustCertificate,
  suite: KeySuite,
): Receipt<CollectingSignatures> {
  const { cohort, announcement, signatures } = state;
  const index = cohort.indices.get(sender);
  if (index === undefined || !hasDevice(announcement.survivors, index)) {
    return rejected(state, 'unknown-device', `"${sender}" is not a survivor of this round`);
  }
  const known = signatures[index];
  if (known !== undefined) {
    return sameBytes(known, message.signature)
      ? duplicate(state)
      : rejected(state, 'contradiction', `"${sender}" has signed otherwise in this round`);
  }
  const identityKey = trust(cohort.entries[index].certificate, sender);
  if (identityKey === undefined) {
    return rejected(state, 'unknown-certificate', `the certificate of "${sender}" is not valid any more`);
  }
  const statement = survivorsTranscript(cohort.rosterHash, announcement.survivors, announcement.dropouts);
  if (!suite.verify(identityKey, statement, message.signature)) {
    return rejected(state, 'invalid-signature', `"${sender}" did not sign these survivors`);
  }
  return accepted({ ...state, signatures: signatures.with(index, message.signature) });
}

/** Ends the stage. Whoever has not signed may still answer for others, when enough of its neighbours have. */
export function closeSignatures(state: CollectingSignatures): CollectingReveals {
  return collectReveals(state.cohort, state.shared, state.announcement, state.signatures);
}

/** What the device at `index` needs to believe the survivors: signatures of t neighbours, or of all there are. */
export function signaturesFor(
  { cohort, signatures }: Pick<CollectingSignatures, 'cohort' | 'signatures'>,
  index: number,
): CollectedSignatures {
  const signers = neighboursAmong(cohort, index, (signer) => signatures[signer] !== undefined);
  return {
    signatures: signers.slice(0, cohort.parameters.threshold).flatMap((signer) => {
      const signature = signatures[signer];
      return signature === undefined ? [] : [{ signer, signature }];
    }),
  };
}
