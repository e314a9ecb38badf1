/** The policy file: YAML that the device's owner writes and no server can loosen. */
import { readFile } from 'node:fs/promises';
import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod';
import { AgentError } from '../errors.js';
import { isMissing } from '../state/atomic-file.js';
import { type AgentPolicy, defaultPolicy } from './policy.js';

const { devicePolicy } = defaultPolicy;

const policySchema = z.strictObject({
  secureAggregation: z.enum(['required', 'optional']).optional(),
  smallestCohort: z.int().min(2).optional(),
  corruptFractionMinimum: z.number().min(0).lt(1).optional(),
  securityBitsMinimum: z.int().min(1).max(128).optional(),
  privacy: z
    .strictObject({
      require: z.enum(['none', 'central', 'distributed']),
      epsilonMaximum: z.number().positive().default(Number.POSITIVE_INFINITY),
      deltaMaximum: z.number().min(0).max(1).default(1),
    })
    .default(devicePolicy.privacy),
});

/** @throws AgentError `agent/configuration`, naming the place in the file */
export async function readPolicyFile(path: string): Promise<AgentPolicy> {
  let document: unknown;
  try {
    document = parse(await readFile(path, 'utf8')) ?? {};
  } catch (error) {
    const why = error instanceof YAMLParseError ? `is not YAML: ${error.message}` : 'cannot be read';
    const what = isMissing(error) ? 'is not there' : why;
    throw new AgentError('agent/configuration', `The policy file ${path} ${what}; check --policy.`, error);
  }
  const parsed = policySchema.safeParse(document);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
    );
    throw new AgentError(
      'agent/configuration',
      `The policy file ${path} is not valid: ${faults.join('; ')}. It takes ${Object.keys(policySchema.shape).join(', ')}.`,
    );
  }
  const { secureAggregation, smallestCohort, corruptFractionMinimum, securityBitsMinimum, privacy } =
    parsed.data;
  // Who says among how many an update must hide, or from whom, does not want it sent in the clear.
  const saysHow =
    (smallestCohort ?? corruptFractionMinimum ?? securityBitsMinimum) !== undefined ||
    privacy.require === 'distributed';
  return {
    devicePolicy: {
      cohortMinimum: smallestCohort ?? devicePolicy.cohortMinimum,
      corruptFractionMinimum: corruptFractionMinimum ?? devicePolicy.corruptFractionMinimum,
      securityBitsMinimum: securityBitsMinimum ?? devicePolicy.securityBitsMinimum,
      privacy,
    },
    secureAggregationRequired: (secureAggregation ?? (saysHow ? 'required' : 'optional')) === 'required',
  };
}
