/** Whose plans this device obeys: each task's owner is pinned at the first plan, or named by whoever set the device up. */
import {
  ED25519_PUBLIC_KEY_BYTES,
  isPlanSignature,
  isQuerySignature,
  type PlanSignature,
  queryId,
  type Assignment as WireAssignment,
} from '@starling/proto';
import type { Assignment, Work } from '../connection/assignment.js';
import { AgentError } from '../errors.js';
import { openPins, type Pin } from './pins.js';
import { withQuestion, withTold } from './questions.js';
import { brokenQueryTerm, brokenTerm } from './terms.js';

export interface PlanOwners {
  /** Why this device must not do what it was assigned, a code and a sentence; `undefined` where it may. */
  refusalOf(wire: WireAssignment, assignment: Assignment): Promise<string | undefined>;
  /** Before this device opens a sum of the run: a question that was asked in it is not answered again. Durable when it settles. */
  tells(runId: string): Promise<void>;
}

/**
 * @param ownerKey the only owner whose plans are obeyed, base64url; trust on first use where it is left out
 * @throws AgentError where the key or the file of pins cannot be read
 */
export async function openPlanOwners(stateFolder: string, ownerKey?: string): Promise<PlanOwners> {
  const only = ownerKey === undefined ? undefined : parseOwnerKey(ownerKey);
  const pins = await openPins(stateFolder);

  /** The pin of the task, made at its first plan; `undefined` where the plan is another owner's. */
  const pinFor = (taskName: string, key: Uint8Array): Pin | undefined => {
    if (only !== undefined && !only.equals(key)) return undefined;
    const ownerKey = Buffer.from(key).toString('base64url');
    const known = pins.find(taskName);
    if (known === undefined || (only !== undefined && known.ownerKey !== ownerKey)) {
      return { ownerKey, version: 0, questions: [] };
    }
    return known.ownerKey === ownerKey ? known : undefined;
  };

  return {
    async refusalOf(wire, assignment) {
      const { signature, taskName } = wire;
      if (signature === undefined) return 'PLAN_UNSIGNED: The plan is not signed by an owner of its task.';
      // What is not whole is nobody's plan, and must not be what an owner is pinned by.
      if (!isSigned(wire, signature)) {
        return `PLAN_SIGNATURE_INVALID: The plan of task ${taskName} is not what its owner signed.`;
      }
      const { taskVersion } = signature;
      const pin = pinFor(taskName, signature.ownerKey);
      if (pin === undefined) {
        return `PLAN_OWNER_MISMATCH: The plan of task ${taskName} is signed by another owner than this device obeys.`;
      }
      if (taskVersion < pin.version) {
        return `PLAN_VERSION_ROLLBACK: The plan is of version ${taskVersion} of task ${taskName}, and this device has seen version ${pin.version} of its owner's.`;
      }
      const seen: Pin = { ...pin, version: taskVersion };
      const isNew = pins.find(taskName)?.ownerKey !== pin.ownerKey;
      if ((isNew || taskVersion > pin.version) && !(await pins.keep(taskName, seen))) {
        return 'PLAN_OWNER_MISMATCH: This device has pinned the owners of as many tasks as it remembers.';
      }
      const broken = brokenTerm(signature.termsJson, assignment);
      if (broken !== undefined) {
        return `PLAN_TERMS_BROKEN: The assignment asks for another ${broken} than the owner signed.`;
      }
      if (assignment.work.kind !== 'analyze') return undefined;
      return questionRefusal(wire, signature, assignment, assignment.work, seen);
    },

    async tells(runId) {
      for (const [taskName, pin] of pins.all()) {
        const questions = withTold(pin.questions, runId);
        if (questions !== undefined) await pins.keep(taskName, { ...pin, questions });
      }
    },
  };

  async function questionRefusal(
    wire: WireAssignment,
    { ownerKey, taskVersion }: PlanSignature,
    { round: { runId } }: Assignment,
    work: Work & { kind: 'analyze' },
    pin: Pin,
  ): Promise<string | undefined> {
    const { taskName, analytics } = wire;
    if (analytics?.signature === undefined) {
      return `QUERY_UNSIGNED: The question is not signed by the owner of task ${taskName}.`;
    }
    const { signature, askedAtMs, termsJson } = analytics.signature;
    const query = { taskName, taskVersion, askedAtMs, queryJson: analytics.queryJson, termsJson };
    if (!isQuerySignature(query, ownerKey, signature)) {
      return `QUERY_SIGNATURE_INVALID: The question is not what the owner of task ${taskName} signed.`;
    }
    const broken = brokenQueryTerm(termsJson, work);
    if (broken !== undefined) {
      return `QUERY_TERMS_BROKEN: The question comes with another ${broken} than the owner signed.`;
    }
    const questions = withQuestion(pin.questions, { id: queryId(query), askedAtMs, runId });
    if (questions === undefined) {
      return `QUERY_REPEATED: This device has answered the question of task ${taskName} before.`;
    }
    if (questions !== pin.questions) await pins.keep(taskName, { ...pin, questions });
    return undefined;
  }
}

function isSigned(
  wire: WireAssignment,
  { ownerKey, signature, taskVersion, termsJson }: PlanSignature,
): boolean {
  const { taskName, featureContractJson, planManifest } = wire;
  const manifestSha256 = planManifest?.sha256 ?? new Uint8Array();
  const plan = { taskName, taskVersion, manifestSha256, featureContractJson, termsJson };
  return isPlanSignature(plan, ownerKey, signature);
}

function parseOwnerKey(text: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64url');
  if (key.byteLength === ED25519_PUBLIC_KEY_BYTES) return key;
  throw new AgentError(
    'agent/configuration',
    'The owner’s key is not an Ed25519 public key; copy it from "starling key show".',
  );
}
