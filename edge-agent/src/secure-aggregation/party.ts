/** This device's part in secure aggregation: the pure client's stages, each kept on disk before anything leaves. */
import {
  acceptShares,
  advertiseKeys,
  type ClientState,
  type DeviceIdentity,
  type DevicePolicy,
  type Entropy,
  type KeySuite,
  maskUpdate,
  type Outcome,
  revealShares,
  roundHash,
  type SecureRound,
  secureRoundOf,
  shareKeys,
  signSurvivors,
  type TrustCertificate,
} from '@starling/federation';
import { type Assignment, describeRound, type RoundKey, sameRound } from '../connection/assignment.js';
import type { SecureParty } from '../connection/secure-party.js';
import type { SecureTransport } from '../connection/transport.js';
import { AgentError } from '../errors.js';
import type { NoiseLedger } from './noise-ledger.js';
import type { RoundStore } from './stored-round.js';

export interface PartyOptions {
  readonly store: RoundStore;
  readonly ledger: NoiseLedger;
  /** With the newest certificate. Throws where the device has none. */
  readonly identity: () => DeviceIdentity;
  readonly trust: TrustCertificate;
  readonly policy: DevicePolicy;
  readonly transport: SecureTransport;
  /** Called before shares leave; what was asked in this run is not answered again. */
  readonly tells: (runId: string) => Promise<void>;
  /** Of the operating system: whoever can guess it can take this device's masks off. */
  readonly entropy: Entropy;
  readonly suite: KeySuite;
}

export interface OwnedParty extends SecureParty {
  /** The vector under the masks of the round that was joined; once, for the masks are forgotten first. */
  mask(round: RoundKey, vector: Uint32Array): Promise<Uint8Array>;
  /** The round of which an update was masked and that was not confirmed yet. */
  unconfirmed(): Promise<RoundKey | undefined>;
}

export function createParty(options: PartyOptions): OwnedParty {
  const { store, ledger, identity, trust, transport, entropy, suite } = options;

  const clientOf = async (round: RoundKey): Promise<ClientState | undefined> => {
    const stored = await store.load();
    return stored !== undefined && sameRound(stored.round, round) ? stored.client : undefined;
  };

  /** A round whose secrets are no longer here is another one, whatever it is called: it is paid for again. */
  const begin = async (assignment: Assignment, offered: SecureRound): Promise<ClientState> => {
    const { policy } = options;
    const { round } = assignment;
    const { planHash } = offered;
    // Before keys are out: what a round costs is owed once it can no longer be taken back.
    await ledger.spend(assignment);
    const { state } = proceeding(
      advertiseKeys({ round: offered, identity: identity(), policy, planHash, entropy, suite }),
    );
    await store.save({ round, client: state }, 'lazy');
    return state;
  };

  return {
    async join(assignment, signal) {
      const { round } = assignment;
      const offered = offeredRound(assignment);
      const known = await clientOf(round);
      if (known !== undefined) requireSameOffer(round, known, offered);
      let client = known ?? (await begin(assignment, offered));
      if (client.kind === 'advertised') {
        const roster = await transport.advertiseKeys(round, client.keys, signal);
        client = proceeding(shareKeys(client, roster, trust, entropy, suite)).state;
        await store.save({ round, client }, 'lazy');
      }
      if (client.kind === 'shared') {
        const delivered = await transport.shareKeys(round, client.message, signal);
        client = proceeding(acceptShares(client, delivered, suite)).state;
        await store.save({ round, client }, 'lazy');
      }
      if (client.kind !== 'ready') throw alreadyMasked(round);
    },

    async mask(round, vector) {
      const client = await clientOf(round);
      if (client?.kind !== 'ready') throw alreadyMasked(round);
      const { state, message } = proceeding(maskUpdate(client, vector));
      // Before the masked update is anywhere: two under the same masks would show their difference.
      await store.save({ round, client: state }, 'durable');
      return message.packed;
    },

    async confirm(round, signal) {
      let client = await clientOf(round);
      if (client?.kind === 'masked' || client?.kind === 'signed') {
        const announcement = await transport.awaitSurvivors(round, signal);
        const signed = proceeding(signSurvivors(client, announcement, identity()));
        if (client.kind === 'masked') await store.save({ round, client: signed.state }, 'durable');
        const collected = await transport.signSurvivors(round, signed.message, signal);
        client = proceeding(revealShares(signed.state, collected, suite)).state;
        await store.save({ round, client }, 'durable');
      }
      if (client?.kind !== 'revealed') {
        throw new AgentError('agent/state-folder', `The secrets of ${describeRound(round)} are lost.`);
      }
      await options.tells(round.runId);
      await transport.revealShares(round, client.message, signal);
    },

    forget: (round) => store.forget(round),

    async unconfirmed() {
      const stored = await store.load();
      switch (stored?.client.kind) {
        case 'masked':
        case 'signed':
        case 'revealed':
          return stored.round;
        default:
          return undefined;
      }
    },
  };
}

function offeredRound({ round, secure, planManifest }: Assignment): SecureRound {
  if (secure === undefined) throw new Error('only a round that sums under masks is joined');
  const planHash = new Uint8Array(Buffer.from(planManifest.sha256, 'hex'));
  return secureRoundOf(secure.settings, round, { planHash, requestHash: secure.requestHash });
}

/** Policy and plan were held against what the keys were signed for: the same round on other terms was not. */
function requireSameOffer(round: RoundKey, client: ClientState, offered: SecureRound): void {
  const agreed =
    client.kind === 'advertised' ? client.round : 'cohort' in client ? client.cohort.round : undefined;
  if (agreed === undefined || Buffer.compare(roundHash(agreed), roundHash(offered)) === 0) return;
  throw new AgentError(
    'agent/refused',
    `round-changed: ${describeRound(round)} comes on other terms than this device signed its keys for.`,
  );
}

/** Throws the refusal, under its name. */
function proceeding<State, Message>(
  outcome: Outcome<State, Message>,
): { readonly state: State; readonly message: Message } {
  if (outcome.kind === 'proceed') return outcome;
  const { code, message } = outcome.refusal;
  throw new AgentError('agent/refused', `${code}: ${message}.`);
}

function alreadyMasked(round: RoundKey): AgentError {
  return new AgentError(
    'agent/refused',
    `already-masked: this device has masked an update for ${describeRound(round)}, and masks no other.`,
  );
}
