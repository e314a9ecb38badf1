/** Whose plans this device obeys: each task's owner is pinned at the first plan, or named by whoever set the device up. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalTermsJson,
  ED25519_PUBLIC_KEY_BYTES,
  isPlanSignature,
  type PlanSignature,
  type Assignment as WireAssignment,
} from '@starling/proto';
import type { Assignment, SecureTerms } from '../connection/assignment.js';
import { AgentError } from '../errors.js';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';

export interface PlanOwners {
  /** Why this device must not do what it was assigned, a code and a sentence; `undefined` where it may. */
  refusalOf(wire: WireAssignment, assignment: Assignment): Promise<string | undefined>;
}

/** Most tasks whose owners are remembered: a coordinator must not fill the disk with names. */
const tasksMax = 1000;

/**
 * @param ownerKey the only owner whose plans are obeyed, base64url; trust on first use where it is left out
 * @throws AgentError where the key or the file of pins cannot be read
 */
export async function openPlanOwners(stateFolder: string, ownerKey?: string): Promise<PlanOwners> {
  const only = ownerKey === undefined ? undefined : parseOwnerKey(ownerKey);
  const path = join(stateFolder, 'owners.json');
  const pins = await readPins(path);

  const pinned = async (taskName: string, key: Uint8Array): Promise<boolean> => {
    if (only !== undefined) return only.equals(key);
    const known = pins.get(taskName);
    if (known !== undefined) return Buffer.from(known, 'base64url').equals(key);
    if (pins.size >= tasksMax) return false;
    pins.set(taskName, Buffer.from(key).toString('base64url'));
    await writeFileDurable(path, `${JSON.stringify(Object.fromEntries(pins), null, 2)}\n`);
    return true;
  };

  return {
    async refusalOf(wire, assignment) {
      const { signature } = wire;
      if (signature === undefined) return 'PLAN_UNSIGNED: The plan is not signed by an owner of its task.';
      // What is not whole is nobody's plan, and must not be what an owner is pinned by.
      if (!isSigned(wire, signature)) {
        return `PLAN_SIGNATURE_INVALID: The plan of task ${wire.taskName} is not what its owner signed.`;
      }
      if (!(await pinned(wire.taskName, signature.ownerKey))) {
        return `PLAN_OWNER_MISMATCH: The plan of task ${wire.taskName} is signed by another owner than this device obeys.`;
      }
      const broken = brokenTerm(signature.termsJson, assignment);
      return broken && `PLAN_TERMS_BROKEN: The assignment asks for another ${broken} than the owner signed.`;
    },
  };
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

/** The first term that the assignment does not keep. */
function brokenTerm(termsJson: string, { work, holdoutPermille, secure }: Assignment): string | undefined {
  const terms = parseTerms(termsJson);
  const same = (name: string, value: unknown): boolean =>
    canonicalTermsJson(terms[name] ?? null) === canonicalTermsJson(value);
  if (!same('holdoutPermille', holdoutPermille)) return 'share of held-out examples';
  const { secureAggregation } = terms;
  if (work.kind === 'analyze') {
    // How finely an answer is rounded is the question's; who may learn what is the owner's.
    const asked = secure === undefined ? null : secure.settings.requirements;
    if (canonicalTermsJson(requirementsIn(secureAggregation)) !== canonicalTermsJson(asked)) {
      return 'secure aggregation';
    }
    const kind = work.privacy?.kind ?? 'none';
    return privacyKind(terms.privacy) === kind ? undefined : 'kind of privacy';
  }
  if (!same('secureAggregation', secure === undefined ? null : secureTerms(secure)))
    return 'secure aggregation';
  if (work.kind === 'evaluate') return undefined;
  if (privacyKind(terms.privacy) !== (work.privacy?.kind ?? 'none')) return 'kind of privacy';
  const noise = work.privacy?.kind === 'distributed' ? work.privacy.noise : null;
  if (!same('deviceNoise', noise)) return 'noise of the devices';
  if (!same('epochs', work.epochs)) return 'number of epochs';
  if (!same('examplesMax', work.examplesMax)) return 'number of examples';
  return same('encoding', work.encoding) ? undefined : 'encoding';
}

/** What of secure aggregation a task's owner signs. */
function secureTerms({ settings: { requirements, layout } }: SecureTerms): object {
  const { bits, rotation } = layout.encoding;
  return { ...requirements, bits, rotation };
}

/** γ, δ, σ and η of the terms; `null` where they ask for none. */
function requirementsIn(secureAggregation: unknown): object | null {
  if (typeof secureAggregation !== 'object' || secureAggregation === null) return null;
  const kept = ['corruptFraction', 'dropoutFraction', 'securityBits', 'correctnessBits'];
  return Object.fromEntries(Object.entries(secureAggregation).filter(([name]) => kept.includes(name)));
}

function privacyKind(privacy: unknown): unknown {
  return typeof privacy === 'object' && privacy !== null && 'kind' in privacy ? privacy.kind : 'none';
}

function parseTerms(termsJson: string): Readonly<Record<string, unknown>> {
  const terms: unknown = JSON.parse(termsJson);
  return typeof terms === 'object' && terms !== null ? { ...terms } : {};
}

function parseOwnerKey(text: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64url');
  if (key.byteLength === ED25519_PUBLIC_KEY_BYTES) return key;
  throw new AgentError(
    'agent/configuration',
    'The owner’s key is not an Ed25519 public key; copy it from "starling key show".',
  );
}

async function readPins(path: string): Promise<Map<string, string>> {
  try {
    const pins: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof pins === 'object' && pins !== null) {
      const entries = Object.entries(pins).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      );
      return new Map(entries);
    }
  } catch (error) {
    if (isMissing(error)) return new Map();
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AgentError(
    'agent/state-folder',
    `${path} cannot be read; restore it, or remove it to pin the owners of tasks anew.`,
  );
}
