/** A thread with some of the clients: it goes with them through the stages as the coordinator's thread asks. */
import { randomBytes } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import {
  type AdvertisedClient,
  acceptShares,
  addPacked,
  advertiseKeys,
  applyMasks,
  createAccumulator,
  createKeyStream,
  createSeededEntropy,
  type DevicePolicy,
  type Entropy,
  encodeContribution,
  encodeUpdate,
  foldUpdate,
  type MaskedClient,
  type ModularLayout,
  maskUpdate,
  type Outcome,
  packedLength,
  revealShares,
  type SecureRound,
  type SharedClient,
  type SignedClient,
  type SigningKey,
  shareKeys,
  signSurvivors,
  stochastic8BitEncoding,
  nodeSuite as suite,
  type TrustCertificate,
} from '@starling/federation';
import type { Answer, MaskedSums, PerClient, Request } from './messages.js';
import { layoutOf, nameOf, planHash, rotationSeed, roundOf, type Setting } from './setting.js';

const entropy: Entropy = { bytes: (length) => new Uint8Array(randomBytes(length)) };

const policy: DevicePolicy = {
  cohortMinimum: 2,
  corruptFractionMinimum: 0.1,
  securityBitsMinimum: 40,
  privacy: { require: 'none', epsilonMaximum: 8, deltaMaximum: 1e-5 },
};

/** Everything that this thread's clients know; each map by client. */
interface Clients {
  readonly setting: Setting;
  readonly layout: ModularLayout;
  readonly round: SecureRound;
  /** All clients have the same update: generating a thousand would take the memory of a thousand. */
  readonly delta: Float32Array;
  readonly signing: ReadonlyMap<number, SigningKey>;
  trust: TrustCertificate;
  advertised: Map<number, AdvertisedClient>;
  shared: Map<number, SharedClient>;
  masked: Map<number, MaskedClient>;
  signed: Map<number, SignedClient>;
}

function begin(setting: Setting, clients: readonly number[]): Clients {
  const random = createSeededEntropy('delta').bytes(2 * setting.parameters);
  const delta = Float32Array.from(
    { length: setting.parameters },
    (_, i) => (random[2 * i] + random[2 * i + 1] - 255) / (180 * Math.sqrt(setting.parameters)),
  );
  return {
    setting,
    layout: layoutOf(setting),
    round: roundOf(setting),
    delta,
    signing: new Map(clients.map((client) => [client, suite.signingKey(entropy.bytes(32))])),
    trust: () => undefined,
    advertised: new Map(),
    shared: new Map(),
    masked: new Map(),
    signed: new Map(),
  };
}

/** Certificates are the keys themselves here: an agent remembers the chains it has verified. */
function trusting(publicKeys: readonly Uint8Array[]): TrustCertificate {
  const byName = new Map(publicKeys.map((key, client) => [nameOf(client), key]));
  return (certificate, device) => {
    const key = byName.get(device);
    return key !== undefined && Buffer.compare(key, certificate) === 0 ? key : undefined;
  };
}

function proceeded<State, Message>(outcome: Outcome<State, Message>): { state: State; message: Message } {
  if (outcome.kind === 'refuse') throw new Error(`${outcome.refusal.code}: ${outcome.refusal.message}`);
  return outcome;
}

function of<T>(map: ReadonlyMap<number, T>, client: number): T {
  const value = map.get(client);
  if (value === undefined) throw new Error(`client ${client} is not at this stage`);
  return value;
}

function identityOf(clients: Clients, client: number) {
  const key = of(clients.signing, client);
  return {
    device: nameOf(client),
    certificate: key.publicKey,
    sign: (message: Uint8Array) => key.sign(message),
  };
}

function updates(clients: Clients, { delivered, silent }: Extract<Request, { kind: 'updates' }>): MaskedSums {
  const { layout, round, delta } = clients;
  const sum = new Uint32Array(round.vectorLength);
  const plainSum = new Uint32Array(round.vectorLength);
  const room = new Uint32Array(round.vectorLength);
  const mask = 2 ** round.ringBits - 1;
  const times = { agreeing: 0, encoding: 0, masking: 0, folding: 0, checking: 0 };
  const updated: number[] = [];
  const quiet = new Set(silent);
  const timed = <T>(what: keyof typeof times, work: () => T): T => {
    const start = performance.now();
    const result = work();
    times[what] += performance.now() - start;
    return result;
  };
  for (const [client, shares] of delivered) {
    const state = of(clients.shared, client);
    clients.shared.delete(client);
    if (quiet.has(client)) continue;
    const ready = timed('agreeing', () => proceeded(acceptShares(state, shares, suite)).state);
    const contribution = { delta, weight: 1 + (client % 1_000), metrics: { loss: client % 97 } };
    const rounding = createSeededEntropy(randomBytes(16).toString('hex'));
    const { vector } = timed('encoding', () =>
      encodeContribution(layout, contribution, { rotationSeed, rounding, into: room }),
    );
    const masked = timed('masking', () => proceeded(maskUpdate(ready, vector)));
    timed('folding', () => addPacked(sum, masked.message.packed, round.ringBits));
    timed('checking', () => {
      for (let i = 0; i < vector.length; i += 1) plainSum[i] = (plainSum[i] + vector[i]) & mask;
    });
    clients.masked.set(client, masked.state);
    updated.push(client);
  }
  return {
    kind: 'updates',
    sum,
    plainSum,
    updated,
    packedBytes: packedLength(round.vectorLength, round.ringBits),
    ...times,
  };
}

/** The same without secrecy: every client's update, quantized, added to floating-point sums. */
function plainRound({ delta, setting, signing }: Clients): void {
  const sums = createAccumulator(setting.parameters);
  for (const client of signing.keys()) {
    const rounding = createSeededEntropy(client);
    const payload = encodeUpdate(delta, stochastic8BitEncoding, rounding);
    foldUpdate(sums, payload, stochastic8BitEncoding, 1 + (client % 1_000));
  }
}

/** Milliseconds for the bare key stream of the masks of one update, and for masking one, by turns; the means of a few. */
function bareKeyStream(
  { round, signing }: Clients,
  masks: number,
): { milliseconds: number; masking: number } {
  const length = packedLength(round.vectorLength, round.ringBits);
  const piece = packedLength(65_536, round.ringBits);
  const repetitions = Math.min(5, signing.size);
  const vector = new Uint32Array(round.vectorLength);
  let milliseconds = 0;
  let masking = 0;
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const keys = Array.from({ length: masks }, () => entropy.bytes(32));
    const start = performance.now();
    const streams = keys.map((key) => createKeyStream(key));
    for (let from = 0; from < length; from += piece) {
      for (const stream of streams) stream.next(Math.min(piece, length - from));
    }
    const between = performance.now();
    applyMasks(
      vector,
      keys.map((key, i) => ({ key, sign: i % 2 === 0 ? 'add' : 'subtract' })),
      round.ringBits,
    );
    masking += performance.now() - between;
    milliseconds += between - start;
  }
  return { milliseconds: milliseconds / repetitions, masking: masking / repetitions };
}

let clients: Clients | undefined;

function answer(request: Request): Answer {
  if (request.kind === 'begin') {
    clients = begin(request.setting, request.clients);
    const publicKeys: PerClient<Uint8Array> = [...clients.signing].map(([client, key]) => [
      client,
      key.publicKey,
    ]);
    return { kind: 'begin', publicKeys };
  }
  if (clients === undefined) throw new Error('the worker has not begun');
  const all = clients;
  switch (request.kind) {
    case 'identities':
      all.trust = trusting(request.publicKeys);
      return { kind: 'identities' };
    case 'plain':
      plainRound(all);
      return { kind: 'plain' };
    case 'keys':
      return {
        kind: 'keys',
        keys: [...all.signing.keys()].map((client) => {
          const identity = identityOf(all, client);
          const outcome = proceeded(
            advertiseKeys({ round: all.round, identity, policy, planHash, entropy, suite }),
          );
          all.advertised.set(client, outcome.state);
          return [client, outcome.message];
        }),
      };
    case 'shares':
      return {
        kind: 'shares',
        shares: request.rosters.map(([client, roster]) => {
          const outcome = proceeded(shareKeys(of(all.advertised, client), roster, all.trust, entropy, suite));
          all.advertised.delete(client);
          all.shared.set(client, outcome.state);
          return [client, outcome.message];
        }),
      };
    case 'updates':
      return updates(all, request);
    case 'signatures':
      return {
        kind: 'signatures',
        signatures: [...all.masked].map(([client, masked]) => {
          const outcome = proceeded(signSurvivors(masked, request.announcement, identityOf(all, client)));
          if (outcome.state.kind === 'signed') all.signed.set(client, outcome.state);
          return [client, outcome.message.signature];
        }),
      };
    case 'reveals':
      return {
        kind: 'reveals',
        reveals: request.signatures.map(([client, signatures]) => [
          client,
          proceeded(revealShares(of(all.signed, client), signatures, suite)).message,
        ]),
      };
    case 'unmask': {
      const { sum, from, to, masks } = request;
      applyMasks(sum.subarray(from, to), masks, all.round.ringBits, from);
      return { kind: 'unmask' };
    }
    case 'keyStream':
      return { kind: 'keyStream', ...bareKeyStream(all, request.masks) };
  }
}

parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(request)));
