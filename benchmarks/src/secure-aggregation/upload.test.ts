/** What a client of a whole round really sends, message by message, beside what the benchmarks say it does. */
import { createHash } from 'node:crypto';
import {
  type AdvertisedClient,
  acceptShares,
  addPacked,
  advertiseKeys,
  applyMasks,
  closeKeys,
  closeReveals,
  closeShares,
  closeSignatures,
  closeUpdates,
  collectKeys,
  createSeededEntropy,
  encodeContribution,
  type MaskedClient,
  maskUpdate,
  nodeSuite,
  type Outcome,
  type Receipt,
  receiveKeys,
  receiveReveal,
  receiveShares,
  receiveSignature,
  receiveUpdate,
  revealShares,
  rosterFor,
  type SharedClient,
  type SignedClient,
  shareKeys,
  sharesFor,
  signaturesFor,
  signSurvivors,
  type TrustCertificate,
} from '@starling/federation';
import {
  AdvertiseKeysRequest,
  AwaitSurvivorsRequest,
  GetUploadRequest,
  type MessageType,
  RevealSharesRequest,
  ShareKeysRequest,
  SignSurvivorsRequest,
  UPLOAD_CHUNK_BYTES,
  UploadUpdateRequest,
} from '@starling/proto';
import { expect, test } from 'vitest';
import { layoutOf, nameOf, planHash, rotationSeed, roundOf, type Setting } from './setting.js';
import { framed, uploadBytes } from './upload.js';

const entropy = createSeededEntropy('uploads');
const policy = {
  cohortMinimum: 2,
  corruptFractionMinimum: 0.1,
  securityBitsMinimum: 40,
  privacy: { require: 'none', epsilonMaximum: 8, deltaMaximum: 1e-5 },
} as const;

function proceeded<State, Message>(outcome: Outcome<State, Message>) {
  if (outcome.kind === 'refuse') throw new Error(`${outcome.refusal.code}: ${outcome.refusal.message}`);
  return outcome;
}

function taken<State>(receipt: Receipt<State>): State {
  if (receipt.kind !== 'accepted') throw new Error(JSON.stringify(receipt));
  return receipt.state;
}

function going<State extends { readonly kind: string }>(state: State) {
  if (state.kind === 'abandoned') throw new Error(JSON.stringify(state));
  return state as Exclude<State, { readonly kind: 'abandoned' }>;
}

/** Runs a round without dropouts, and gives the bytes that each client sent of all its messages, and its neighbours. */
function sentIn(setting: Setting): { readonly sent: readonly number[]; readonly degree: number } {
  const round = roundOf(setting);
  const layout = layoutOf(setting);
  const sent = new Array<number>(setting.clients).fill(0);
  const send = <T>(client: number, type: MessageType<T>, message: T): void => {
    sent[client] += framed(type, message);
  };
  const all = <T>(make: (client: number) => T): T[] =>
    Array.from({ length: setting.clients }, (_, i) => make(i));
  // Names and certificates are as long as they may be.
  const names = all((client) => nameOf(client).padEnd(64, '-'));
  const signing = all((client) => nodeSuite.signingKey(entropy.fork(`identity ${client}`).bytes(32)));
  const identities = all((client) => ({
    device: names[client],
    certificate: new Uint8Array(485).fill(client),
    sign: signing[client].sign,
  }));
  const byName = new Map(names.map((name, client) => [name, signing[client].publicKey]));
  const trust: TrustCertificate = (_, device) => byName.get(device);
  const key = { runId: round.run.padEnd(64, '-'), round: round.round, attempt: round.attempt };
  const callers = names.map((deviceId) => ({ round: key, deviceId }));
  const held = callers.map((caller) => ({ ...caller, holdMsMax: 60_000 }));

  let keys = collectKeys(round, names);
  const advertised = all((client): AdvertisedClient => {
    const identity = identities[client];
    const { state, message } = proceeded(
      advertiseKeys({ round, identity, policy, planHash, entropy, suite: nodeSuite }),
    );
    keys = taken(receiveKeys(keys, names[client], message, trust, nodeSuite));
    const { round: roundSha256, device: deviceId, ...others } = message;
    send(client, AdvertiseKeysRequest, { ...held[client], keys: { roundSha256, deviceId, ...others } });
    return state;
  });
  let shares = going(closeKeys(keys));
  const { cohort } = shares;
  const shared = all((client): SharedClient => {
    const { state, message } = proceeded(
      shareKeys(advertised[client], rosterFor(cohort, client), trust, entropy, nodeSuite),
    );
    shares = taken(receiveShares(shares, names[client], message));
    const boxes = message.sealed.map(({ peer, bytes }) => ({ peer, sealed: bytes }));
    send(client, ShareKeysRequest, {
      ...held[client],
      shared: { commitment: message.commitment, shares: boxes },
    });
    return state;
  });
  let updates = going(closeShares(shares));
  const delta = Float32Array.from({ length: setting.parameters }, (_, i) => Math.sin(i) / setting.parameters);
  const { vector } = encodeContribution(
    layout,
    { delta, weight: 1, metrics: { loss: 1 } },
    { rotationSeed, rounding: entropy },
  );
  const sum = new Uint32Array(round.vectorLength);
  const masked = all((client): MaskedClient => {
    const boxes = sharesFor(cohort, updates.shared, client);
    const ready = proceeded(acceptShares(shared[client], boxes, nodeSuite)).state;
    const { state, message } = proceeded(maskUpdate(ready, vector));
    const { packed } = message;
    const sha256 = createHash('sha256').update(packed).digest();
    send(client, GetUploadRequest, { ...callers[client], sha256 });
    const nothing = { offsetBytes: 0, exampleCount: 0, trainingMs: 0 };
    const value = { ...callers[client], sizeBytes: packed.byteLength, sha256, ...nothing };
    send(client, UploadUpdateRequest, { part: { kind: 'header', value } });
    for (let from = 0; from < packed.byteLength; from += UPLOAD_CHUNK_BYTES) {
      const chunk = packed.subarray(from, from + UPLOAD_CHUNK_BYTES);
      send(client, UploadUpdateRequest, { part: { kind: 'chunk', value: chunk } });
    }
    updates = taken(receiveUpdate(updates, names[client], packed.byteLength));
    addPacked(sum, packed, round.ringBits);
    return state;
  });
  let signatures = going(closeUpdates(updates));
  const { announcement } = signatures;
  const signed = all((client): SignedClient => {
    send(client, AwaitSurvivorsRequest, held[client]);
    const { state, message } = proceeded(signSurvivors(masked[client], announcement, identities[client]));
    signatures = taken(receiveSignature(signatures, names[client], message, trust, nodeSuite));
    send(client, SignSurvivorsRequest, { ...held[client], ...message });
    if (state.kind !== 'signed') throw new Error('nothing was revealed yet');
    return state;
  });
  let reveals = closeSignatures(signatures);
  for (const [client, state] of signed.entries()) {
    const { message } = proceeded(revealShares(state, signaturesFor(reveals, client), nodeSuite));
    reveals = taken(receiveReveal(reveals, names[client], message));
    const { selfMasks, maskKeys } = message;
    send(client, RevealSharesRequest, { ...callers[client], revealed: { selfMasks, maskKeys } });
  }
  applyMasks(sum, going(closeReveals(reveals, nodeSuite)).masks, round.ringBits);
  const mask = 2 ** round.ringBits - 1;
  expect(sum).toEqual(vector.map((element) => (element * setting.clients) & mask));
  return { sent, degree: cohort.parameters.degree };
}

test.each([
  { clients: 100, parameters: 100_000, bits: 8, rotation: false, perParameter: 16 },
  { clients: 8, parameters: 2_000, bits: 6, rotation: true, perParameter: 24 },
])('$clients clients send what the benchmarks count, $bits bits for $parameters parameters', (measured) => {
  const setting = { ...measured, threads: 1, dropouts: 0 };
  const { sent, degree } = sentIn(setting);
  const { vectorLength, ringBits } = layoutOf(setting);
  const counted = uploadBytes(vectorLength, ringBits, degree);
  const most = Math.max(...sent);
  expect(most).toBeLessThanOrEqual(counted);
  // What is counted too much is numbers that could be longer: two indices of each neighbour, and those of the round.
  expect(counted - most).toBeLessThan(2 * degree + 40);
  expect((8 * most) / setting.parameters).toBeLessThanOrEqual(measured.perParameter);
});
