/** Whether an assignment keeps to what the task's owner signed. */
import { canonicalTermsJson } from '@starling/proto';
import type { Assignment, SecureTerms, UpdatePrivacy, Work } from '../connection/assignment.js';

type Terms = Readonly<Record<string, unknown>>;

/** The first of the plan's terms that the assignment does not keep. A question has privacy terms of its own. */
export function brokenTerm(
  termsJson: string,
  { work, holdoutPermille, secure }: Assignment,
): string | undefined {
  const terms = parseTerms(termsJson);
  if (!same(terms.holdoutPermille, holdoutPermille)) return 'share of held-out examples';
  const { secureAggregation } = terms;
  if (secure !== undefined && !isOfEnough(secureAggregation, work.kind, secure)) return 'smallest cohort';
  if (work.kind === 'analyze') {
    // How finely an answer is rounded is the question's; who may learn what is the owner's.
    const asked = secure === undefined ? null : secure.settings.requirements;
    return same(requirementsIn(secureAggregation), asked) ? undefined : 'secure aggregation';
  }
  if (!same(withoutMinimum(secureAggregation), secure === undefined ? null : secureTerms(secure))) {
    return 'secure aggregation';
  }
  if (work.kind === 'evaluate') return undefined;
  const broken = brokenPrivacy(terms.privacy, work.privacy);
  if (broken !== undefined) return broken;
  if (!same(terms.epochs, work.epochs)) return 'number of epochs';
  if (!same(terms.examplesMax, work.examplesMax)) return 'number of examples';
  return same(terms.encoding, work.encoding) ? undefined : 'encoding';
}

/** The first term that a question's owner signed and the assignment does not keep. */
export function brokenQueryTerm(termsJson: string, { privacy }: Work & { kind: 'analyze' }) {
  return brokenPrivacy(parseTerms(termsJson).privacy, privacy);
}

function brokenPrivacy(signed: unknown, privacy: UpdatePrivacy | null): string | undefined {
  const terms = isRecord(signed) ? signed : {};
  const kind = terms.kind ?? 'none';
  if (kind !== (privacy?.kind ?? 'none')) return 'kind of privacy';
  if (privacy === null) return undefined;
  if (!same(terms.epsilon, privacy.epsilon) || !same(terms.delta, privacy.delta)) return 'privacy budget';
  const clip = isRecord(terms.clip) ? terms.clip : {};
  // A bound that adapts is each round's own; what it adapts by is one bit of every device.
  const adapts = clip.kind === 'adaptive';
  if (!adapts && !same(clip.bound, privacy.clipBound)) return 'clipping bound';
  if (adapts !== privacy.countWithinBound) return 'way of clipping';
  const noise = privacy.kind === 'distributed' ? privacy.noise : null;
  const asked = noise && { mechanism: noise.mechanism, sampling: noise.sampling };
  if (!same(terms.deviceNoise, asked)) return 'noise of the devices';
  const least = terms.noiseMultiplier;
  return typeof least === 'number' && privacy.noiseMultiplier >= least ? undefined : 'noise';
}

function same(signed: unknown, asked: unknown): boolean {
  return canonicalTermsJson(signed ?? null) === canonicalTermsJson(asked);
}

/** Whether a sum is of at least as many devices as was signed for such work. */
function isOfEnough(signed: unknown, kind: Work['kind'], { settings }: SecureTerms): boolean {
  const minima = isRecord(signed) && isRecord(signed.cohortMinimum) ? signed.cohortMinimum : {};
  const least = minima[kind];
  return typeof least === 'number' && settings.cohortMinimum >= least;
}

function withoutMinimum(secureAggregation: unknown): unknown {
  if (!isRecord(secureAggregation)) return secureAggregation;
  const { cohortMinimum: _, ...others } = secureAggregation;
  return others;
}

/** What of secure aggregation a task's owner signs, beside the smallest cohorts. */
function secureTerms({ settings: { requirements, layout } }: SecureTerms): object {
  const { bits, rotation } = layout.encoding;
  return { ...requirements, bits, rotation };
}

/** γ, δ, σ and η of the terms; `null` where they ask for none. */
function requirementsIn(secureAggregation: unknown): object | null {
  if (!isRecord(secureAggregation)) return null;
  const kept = ['corruptFraction', 'dropoutFraction', 'securityBits', 'correctnessBits'];
  return Object.fromEntries(Object.entries(secureAggregation).filter(([name]) => kept.includes(name)));
}

function parseTerms(termsJson: string): Terms {
  const terms: unknown = JSON.parse(termsJson);
  return isRecord(terms) ? terms : {};
}

function isRecord(value: unknown): value is Terms {
  return typeof value === 'object' && value !== null;
}
