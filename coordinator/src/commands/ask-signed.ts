/** Asks the devices of a task a question with its owner's signature: no device answers anyone else. */
import type { KeyObject } from 'node:crypto';
import { type AnalyticsQuery, formatQuery } from '@starling/federation';
import {
  type OperationsService,
  type Run,
  requireField,
  type ServiceClient,
  signQuery,
} from '@starling/proto';
import { queryTerms } from '../analytics/index.js';
import { parseStoredTask, privacySettingsOf, secureRoundSettings } from '../tasks/index.js';

export interface Question {
  readonly taskName: string;
  readonly query: AnalyticsQuery;
  /** What the answer may spend of the task's privacy budget; wanted where it has one. */
  readonly epsilon?: number | undefined;
}

export async function askSigned(
  operations: ServiceClient<typeof OperationsService>,
  { taskName, query, epsilon }: Question,
  ownerKey: KeyObject,
  askedAtMs: number,
  signal?: AbortSignal,
): Promise<Run> {
  const found = await operations.getTask({ name: taskName }, { signal });
  const {
    definitionJson,
    version: taskVersion,
    parameterCount,
  } = requireField(found.task, 'GetTaskResponse.task');
  const queryJson = formatQuery(query);
  const definition = parseStoredTask(definitionJson);
  const asked = {
    name: taskName,
    privacy: privacySettingsOf(definition, parameterCount),
    secure: secureRoundSettings(definition, definition.cohort, parameterCount, []),
  };
  const termsJson = queryTerms(asked, query, epsilon);
  const signature = signQuery({ taskName, taskVersion, askedAtMs, queryJson, termsJson }, ownerKey);
  const signed = { signature, askedAtMs, termsJson, taskVersion };
  const { run } = await operations.startAnalytics(
    { taskName, queryJson, epsilon, signature: signed },
    { signal },
  );
  return requireField(run, 'StartAnalyticsResponse.run');
}
