/** What an operator does, over the real API, through any number of restarts of the coordinator. */
import { applySigned, askSigned, parseTask, type Question } from '@starling/coordinator';
import {
  ArtifactService,
  connect,
  createClient,
  OperationsService,
  privateKeyFromSeed,
  type Run,
  type RunEvent,
  type ServiceClient,
  StarlingError,
} from '@starling/proto';
import { type CoordinatorAccess, operatorSecurity } from './access.js';
import type { Scope } from './scope.js';
import { until } from './waiting.js';

export interface Operator {
  readonly operations: ServiceClient<typeof OperationsService>;
  apply(definition: { readonly name: string }): Promise<void>;
  /** Applies the definition and starts a run of it. */
  start(definition: { readonly name: string }, seed: number): Promise<string>;
  /** Asks the devices of a task a question, as its owner. */
  ask(question: Question): Promise<Run>;
  getRun(runId: string): Promise<Run>;
  /** Every event of the run from its start, as it happens, until the run is over. */
  events(runId: string): AsyncIterable<RunEvent>;
  /** The run once it is over; rejects after `timeoutMs`. */
  ended(runId: string, timeoutMs?: number): Promise<Run>;
  download(sha256: Uint8Array): Promise<Uint8Array>;
}

/** Owns the tasks of all tests. */
const owner = privateKeyFromSeed(Buffer.alloc(32, 7));

export async function createOperator(
  scope: Scope,
  { address, folder }: CoordinatorAccess,
): Promise<Operator> {
  const connection = connect(address, await operatorSecurity(folder));
  scope.onClose(() => connection.close());
  const operations = createClient(OperationsService, connection);
  const artifacts = createClient(ArtifactService, connection);

  const getRun = async (runId: string): Promise<Run> => {
    const { run } = await operations.getRun({ runId });
    if (run === undefined) throw new Error(`GetRun answered without the run ${runId}`);
    return run;
  };

  const apply = async (definition: { readonly name: string }): Promise<void> => {
    await applySigned(operations, parseTask(JSON.stringify(definition)), owner);
  };

  return {
    operations,
    apply,
    async start(definition, seed) {
      await apply(definition);
      const { run } = await operations.startRun({ taskName: definition.name, seed });
      if (run === undefined) throw new Error('StartRun answered without a run');
      return run.runId;
    },
    ask: (question) => askSigned(operations, question, owner, Date.now()),
    getRun,
    async *events(runId) {
      let afterSequence = 0;
      for (;;) {
        try {
          for await (const { event } of operations.watchRun({ runId, afterSequence })) {
            if (event === undefined) throw new Error('WatchRun answered without an event');
            afterSequence = event.sequence;
            yield event;
            if (event.kind?.kind === 'runEnded') return;
          }
        } catch (error) {
          if (!isAway(error)) throw error;
          await until('the return of the coordinator', () => answers(operations));
        }
      }
    },
    async ended(runId, timeoutMs = 60_000) {
      let newest: Run | undefined;
      return until(
        `the end of run ${runId}`,
        async () => {
          newest = await getRun(runId).catch((error: unknown) => {
            if (isAway(error)) return undefined;
            throw error;
          });
          return newest !== undefined && newest.state !== 'running' ? newest : undefined;
        },
        { timeoutMs, describe: () => `Its newest state: ${JSON.stringify(newest)}` },
      );
    },
    async download(sha256) {
      const parts: Uint8Array[] = [];
      for await (const { data } of artifacts.downloadArtifact({ sha256, offsetBytes: 0 })) parts.push(data);
      return Buffer.concat(parts);
    },
  };
}

/** Whether the coordinator is not there just now, which is no failure of what was asked. */
export function isAway(error: unknown): boolean {
  return error instanceof StarlingError && (error.status === 'unavailable' || error.status === 'cancelled');
}

async function answers(operations: ServiceClient<typeof OperationsService>): Promise<true | undefined> {
  try {
    await operations.getStatus({});
    return true;
  } catch (error) {
    if (isAway(error)) return undefined;
    throw error;
  }
}
