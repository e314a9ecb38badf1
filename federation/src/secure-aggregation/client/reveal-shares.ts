import { hasDevice } from '../device-set.js';
import type { KeySuite } from '../keys/index.js';
import type { CollectedSignatures, RevealedShare, RevealedShares } from '../messages.js';
import { type Outcome, proceed, refuse } from '../refusal.js';
import { survivorsTranscript } from '../roster.js';
import type { RevealedClient, SignedClient } from './state.js';

/**
 * Stage 5: when at least t surviving neighbours signed the very sets that this device signed, gives away one share of
 * each neighbour: of the self mask if it survived, of the mask key if it dropped out. All others are forgotten. Asked
 * again it answers the same.
 *
 * Since 2t exceeds a device's neighbours plus those of them who collude, t shares of both of its secrets never exist
 * (Bell et al. 2020, section 4). The same inequality keeps a coordinator that invents dropouts from cutting a few
 * devices off: the devices along the cut would have too few surviving neighbours left to be opened.
 */
export function revealShares(
  state: SignedClient | RevealedClient,
  collected: CollectedSignatures,
  suite: KeySuite,
): Outcome<RevealedClient, RevealedShares> {
  if (state.kind === 'revealed') return proceed(state, state.message);
  const { cohort, held, survivors, dropouts, signature } = state;
  const { neighbours, graph, rosterHash } = cohort;
  const statement = survivorsTranscript(rosterHash, survivors, dropouts);
  const byIndex = new Map(neighbours.map((neighbour) => [neighbour.index, neighbour]));
  const signers = new Set<number>();
  for (const { signer, signature: signed } of collected.signatures) {
    const neighbour = byIndex.get(signer);
    if (neighbour === undefined || !hasDevice(survivors, signer)) {
      return refuse('unexpected-sender', `${signer} signed, but is no surviving neighbour`, signer);
    }
    if (signers.has(signer)) return refuse('repeated-sender', `${signer} signed twice`, signer);
    if (!suite.verify(neighbour.identityKey, statement, signed)) {
      return refuse(
        'survivors-disagree',
        `${signer} did not sign the survivors that this device knows`,
        signer,
      );
    }
    signers.add(signer);
  }
  if (signers.size < graph.threshold) {
    return refuse(
      'too-few-signatures',
      `${signers.size} neighbours signed the survivors, but ${graph.threshold} must`,
    );
  }
  const selfMasks: RevealedShare[] = [];
  const maskKeys: RevealedShare[] = [];
  for (const [owner, shares] of held) {
    if (hasDevice(survivors, owner)) selfMasks.push({ owner, share: shares.selfMask });
    else maskKeys.push({ owner, share: shares.maskKey });
  }
  const message = { selfMasks, maskKeys };
  return proceed({ kind: 'revealed', survivors, dropouts, signature, message }, message);
}
