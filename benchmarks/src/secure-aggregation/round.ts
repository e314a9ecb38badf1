import {
  closeKeys,
  closeReveals,
  closeShares,
  closeSignatures,
  closeUpdates,
  collectKeys,
  decodeSum,
  devicesOf,
  type Receipt,
  receiveKeys,
  receiveReveal,
  receiveShares,
  receiveSignature,
  receiveUpdate,
  rosterFor,
  sharesFor,
  signaturesFor,
  nodeSuite as suite,
  type TrustCertificate,
} from '@starling/federation';
import type { MaskedSums } from './messages.js';
import { layoutOf, nameOf, rotationSeed, roundOf, type Setting } from './setting.js';
import type { Threads } from './threads.js';
import { uploadBytes } from './upload.js';

/** Milliseconds of one round; the stages are wall-clock time and add up to `round`. */
export interface RoundTimes {
  readonly round: number;
  readonly stages: Readonly<
    Record<'keys' | 'shares' | 'updates' | 'signatures' | 'reveals' | 'unmask', number>
  >;
  /** Time of threads, summed. */
  readonly agreeing: number;
  readonly encoding: number;
  readonly masking: number;
  readonly folding: number;
  /** Of all threads, the check of the sum included: what a busy machine does not change. */
  readonly processor: number;
  readonly bytesPerParameter: number;
  readonly masksPerClient: number;
}

export interface Fleet {
  readonly setting: Setting;
  readonly threads: Threads;
  /** Clients of each thread. */
  readonly clientsOf: readonly (readonly number[])[];
  readonly trust: TrustCertificate;
}

/** Spreads the clients over the threads and makes their identities. */
export async function createFleet(setting: Setting, threads: Threads): Promise<Fleet> {
  const clientsOf = Array.from({ length: threads.count }, (_, thread) =>
    Array.from({ length: setting.clients }, (_, client) => client).filter(
      (client) => client % threads.count === thread,
    ),
  );
  const answers = await threads.ask('begin', (thread) => ({
    kind: 'begin',
    setting,
    clients: clientsOf[thread],
  }));
  const keys = new Map(answers.flatMap(({ publicKeys }) => publicKeys));
  const publicKeys = Array.from(
    { length: setting.clients },
    (_, client) => keys.get(client) ?? new Uint8Array(0),
  );
  await threads.ask('identities', () => ({ kind: 'identities', publicKeys }));
  const byName = new Map(publicKeys.map((key, client) => [nameOf(client), key]));
  return { setting, threads, clientsOf, trust: (_, device) => byName.get(device) };
}

function taken<State>(receipt: Receipt<State>): State {
  if (receipt.kind === 'rejected') throw new Error(`${receipt.code}: ${receipt.message}`);
  return receipt.state;
}

function going<State extends { readonly kind: string }>(
  state: State,
): Exclude<State, { readonly kind: 'abandoned' }> {
  if (state.kind === 'abandoned') throw new Error(`abandoned: ${JSON.stringify(state)}`);
  return state as Exclude<State, { readonly kind: 'abandoned' }>;
}

/** A whole secure round, whose sum is checked against that of the plain vectors. `stageEnded` hears of milliseconds. */
export async function secureRound(
  { setting, threads, clientsOf, trust }: Fleet,
  stageEnded: (stage: string, milliseconds: number) => void,
): Promise<RoundTimes> {
  const round = roundOf(setting);
  const layout = layoutOf(setting);
  const all = clientsOf.flat().sort((a, b) => a - b);
  const silent = all.slice(0, setting.dropouts);
  const stages = { keys: 0, shares: 0, updates: 0, signatures: 0, reveals: 0, unmask: 0 };
  const started = performance.now();
  const usage = process.cpuUsage();
  let since = started;
  const ends = (stage: keyof typeof stages): void => {
    stages[stage] = performance.now() - since;
    stageEnded(stage, stages[stage]);
    since = performance.now();
  };

  let keys = collectKeys(round, all.map(nameOf));
  for (const { keys: advertised } of await threads.ask('keys', () => ({ kind: 'keys' }))) {
    for (const [client, message] of advertised) {
      keys = taken(receiveKeys(keys, nameOf(client), message, trust, suite));
    }
  }
  let shares = going(closeKeys(keys));
  const { cohort } = shares;
  // Everybody takes part, and names are in the order of numbers: a client's number is its index.
  ends('keys');

  const shared = await threads.ask('shares', (thread) => ({
    kind: 'shares',
    rosters: clientsOf[thread].map((client) => [client, rosterFor(cohort, client)]),
  }));
  for (const answer of shared) {
    for (const [client, message] of answer.shares)
      shares = taken(receiveShares(shares, nameOf(client), message));
  }
  let updates = going(closeShares(shares));
  ends('shares');

  const sums = await threads.ask('updates', (thread) => ({
    kind: 'updates',
    silent,
    delivered: clientsOf[thread].map((client) => [client, sharesFor(cohort, updates.shared, client)]),
  }));
  for (const { updated, packedBytes } of sums) {
    for (const client of updated) updates = taken(receiveUpdate(updates, nameOf(client), packedBytes));
  }
  const sum = new Uint32Array(new SharedArrayBuffer(4 * round.vectorLength));
  const mask = 2 ** round.ringBits - 1;
  for (const partial of sums) addTo(sum, partial.sum, mask);
  let signatures = going(closeUpdates(updates));
  ends('updates');

  const { announcement } = signatures;
  for (const { signatures: signed } of await threads.ask('signatures', () => ({
    kind: 'signatures',
    announcement,
  }))) {
    for (const [client, signature] of signed) {
      signatures = taken(receiveSignature(signatures, nameOf(client), { signature }, trust, suite));
    }
  }
  let reveals = closeSignatures(signatures);
  ends('signatures');

  const survivors = devicesOf(announcement.survivors);
  const isSurvivor = new Set(survivors);
  const revealed = await threads.ask('reveals', (thread) => ({
    kind: 'reveals',
    signatures: clientsOf[thread]
      .filter((client) => isSurvivor.has(client))
      .map((client) => [client, signaturesFor(reveals, client)]),
  }));
  for (const answer of revealed) {
    for (const [client, message] of answer.reveals)
      reveals = taken(receiveReveal(reveals, nameOf(client), message));
  }
  ends('reveals');

  const { masks } = going(closeReveals(reveals, suite));
  const blocks = Math.ceil(round.vectorLength / 128);
  const edge = (thread: number): number =>
    Math.min(round.vectorLength, 128 * Math.round((blocks * thread) / threads.count));
  await threads.ask('unmask', (thread) => ({
    kind: 'unmask',
    sum,
    masks,
    from: edge(thread),
    to: edge(thread + 1),
  }));
  const decoded = decodeSum(layout, sum, survivors.length, rotationSeed);
  ends('unmask');
  const total = performance.now() - started;
  const { user, system } = process.cpuUsage(usage);

  checkSum(sum, sums, mask);
  const weight = survivors.reduce((weights, client) => weights + 1 + (client % 1_000), 0);
  if (decoded.weight !== weight) throw new Error(`the weights sum to ${weight}, not to ${decoded.weight}`);
  const time = (what: 'agreeing' | 'encoding' | 'masking' | 'folding' | 'checking'): number =>
    sums.reduce((milliseconds, answer) => milliseconds + answer[what], 0);
  const checking = time('checking') / threads.count;
  return {
    // Adding up the plain vectors is part of the check, not of the round.
    round: total - checking,
    stages: { ...stages, updates: stages.updates - checking },
    agreeing: time('agreeing'),
    encoding: time('encoding'),
    masking: time('masking'),
    folding: time('folding'),
    processor: (user + system) / 1_000,
    bytesPerParameter:
      uploadBytes(round.vectorLength, round.ringBits, cohort.parameters.degree) / setting.parameters,
    masksPerClient: cohort.parameters.degree + 1,
  };
}

function addTo(sum: Uint32Array, partial: Uint32Array, mask: number): void {
  for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] + partial[i]) & mask;
}

function checkSum(sum: Uint32Array, partials: readonly MaskedSums[], mask: number): void {
  const expected = new Uint32Array(sum.length);
  for (const { plainSum } of partials) addTo(expected, plainSum, mask);
  for (let i = 0; i < sum.length; i += 1) {
    if (sum[i] !== expected[i]) throw new Error(`the unmasked sum is wrong at element ${i}`);
  }
}
