import { devicesOf, firstCommon, hasDevice, isDeviceSet } from '../device-set.js';
import type { SignedSurvivors, SurvivorsAnnouncement } from '../messages.js';
import { type Outcome, proceed, type Refused, refuse } from '../refusal.js';
import { survivorsTranscript } from '../roster.js';
import { survivorsMinimum } from '../round.js';
import { sameBytes } from '../transcript.js';
import type { DeviceIdentity, MaskedClient, RevealedClient, SignedClient } from './state.js';

/**
 * Stage 4: checks who is said to have survived, and signs it, once. The same sets are answered again with the same
 * signature; other sets are refused, after which nothing leaves the device.
 */
export function signSurvivors(
  state: MaskedClient | SignedClient | RevealedClient,
  announcement: SurvivorsAnnouncement,
  identity: DeviceIdentity,
): Outcome<SignedClient | RevealedClient, SignedSurvivors> {
  const { survivors, dropouts } = announcement;
  if (state.kind !== 'masked') {
    if (sameBytes(state.survivors, survivors) && sameBytes(state.dropouts, dropouts)) {
      return proceed(state, { signature: state.signature });
    }
    return state.kind === 'signed'
      ? refuse('survivors-changed', 'this device has signed other survivors in this round')
      : refuse('shares-already-revealed', 'this device has revealed its shares for other survivors');
  }
  const { cohort, held } = state;
  const refused = checkSets(state, announcement);
  if (refused !== undefined) return refused;
  const signature = identity.sign(survivorsTranscript(cohort.rosterHash, survivors, dropouts));
  return proceed({ kind: 'signed', cohort, held, survivors, dropouts, signature }, { signature });
}

function checkSets({ cohort, held }: MaskedClient, announcement: SurvivorsAnnouncement): Refused | undefined {
  const { survivors, dropouts } = announcement;
  const { devices, index, round, policy, graph, neighbours } = cohort;
  if (!isDeviceSet(survivors, devices) || !isDeviceSet(dropouts, devices)) {
    return refuse('malformed', `the sets are not of ${devices} devices`);
  }
  const both = firstCommon(survivors, dropouts);
  if (both !== undefined) {
    return refuse('survivor-and-dropout', `${both} is listed as survivor and as dropout`, both);
  }
  if (!hasDevice(survivors, index)) {
    return refuse('not-a-survivor', "this device's update is said to be missing");
  }
  const minimum = Math.max(policy.cohortMinimum, survivorsMinimum(round, devices));
  const survived = devicesOf(survivors).length;
  if (survived < minimum) {
    return refuse('too-few-survivors', `${survived} of ${devices} survived, but the minimum is ${minimum}`);
  }
  let neighboursLeft = 0;
  for (const neighbour of neighbours) {
    const isSurvivor = hasDevice(survivors, neighbour.index);
    if (held.has(neighbour.index) !== (isSurvivor || hasDevice(dropouts, neighbour.index))) {
      return refuse(
        'sharers-differ',
        `whether ${neighbour.index} shared keys is told differently now than when shares were delivered`,
        neighbour.index,
      );
    }
    if (isSurvivor) neighboursLeft += 1;
  }
  if (neighboursLeft < graph.threshold) {
    return refuse(
      'too-few-neighbours',
      `${neighboursLeft} neighbours survived, but it takes ${graph.threshold} to finish`,
    );
  }
  return undefined;
}
