import { type Refusal, refusal } from '../errors.js';

/** The newest revision of the protocol that this coordinator speaks. */
export const protocolRevision = 1;
/** The oldest one; a coordinator serves the revision before its own. */
export const protocolRevisionMin = 1;

export type Negotiated =
  | { readonly kind: 'agreed'; readonly revision: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The newest revision that both speak; an agent that is too old gets a sentence, not a hang. */
export function negotiateRevision(agentRevision: number): Negotiated {
  if (agentRevision >= protocolRevisionMin) {
    return { kind: 'agreed', revision: Math.min(agentRevision, protocolRevision) };
  }
  return {
    kind: 'refused',
    refusal: refusal(
      'failed-precondition',
      'PROTOCOL_UNSUPPORTED',
      `This agent speaks protocol revision ${agentRevision}; this coordinator serves ` +
        `${protocolRevisionMin} to ${protocolRevision}.`,
      'Update the agent.',
    ),
  };
}
