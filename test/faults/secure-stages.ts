/** The stages of rounds under masks at which a coordinator is killed: when it enters one, and in which one it died. */
import type { RunEvent } from '@starling/proto';
import { isAway, type Operator, type StoredEvent, within } from '../support/index.js';

/** In their order; each as the coordinator calls it. */
export const secureStages = [
  'advertiseKeys',
  'shareKeys',
  'collect',
  'consistency',
  'unmask',
  'aggregate',
] as const;

export type SecureStage = (typeof secureStages)[number];

/** The stage that an event begins. */
export function stageEntered({ kind }: RunEvent): string | undefined {
  if (kind?.kind === 'cohortSelected') return 'advertiseKeys';
  return kind?.kind === 'stageEntered' ? kind.value.stage : undefined;
}

/**
 * Where to kill next, so that every stage is hit so many times and the kills are so many; `undefined` when they are. By the
 * hits that the dead coordinators' logs show: a stage may be over before the signal comes.
 */
export function nextAim(
  hits: readonly (SecureStage | undefined)[],
  wanted: { readonly each: number; readonly kills: number },
): SecureStage | undefined {
  const missing = secureStages.find((stage) => hits.filter((hit) => hit === stage).length < wanted.each);
  return (
    missing ?? (hits.length < wanted.kills ? secureStages[hits.length % secureStages.length] : undefined)
  );
}

export interface StageAim {
  readonly operator: Operator;
  readonly runId: string;
  readonly stage: SecureStage;
  /** Only what happens after this event counts. */
  readonly afterSequence: number;
}

/** Resolves once the coordinator says that it enters the stage; rejects where the run ends before. */
export function reached(aim: StageAim): Promise<void> {
  return within(`the stage ${aim.stage}`, watch(aim), { timeoutMs: 30_000 });
}

async function watch({ operator, runId, stage, afterSequence }: StageAim): Promise<void> {
  try {
    for await (const { event } of operator.operations.watchRun({ runId, afterSequence })) {
      if (event?.kind?.kind === 'runEnded') throw new Error(`the run ended before it reached ${stage}`);
      if (event !== undefined && stageEntered(event) === stage) return;
    }
  } catch (error) {
    if (!isAway(error)) throw error;
  }
}

const stageAfter: Readonly<Record<string, SecureStage>> = {
  'advertise-keys': 'shareKeys',
  'share-keys': 'collect',
  consistency: 'unmask',
  unmask: 'aggregate',
};

/** The stage that a killed coordinator was in, by its own log; `undefined` between rounds and before a cohort is selected. */
export function stageOf(events: readonly StoredEvent[]): SecureStage | undefined {
  let stage: SecureStage | undefined;
  for (const event of events) {
    if (event.kind === 'cohort-selected') stage = 'advertiseKeys';
    else if (event.kind === 'stage-closed') stage = stageAfter[event.stage ?? ''];
    else if (event.kind === 'collection-closed') stage = 'consistency';
    else if (event.kind.startsWith('round-')) stage = undefined;
  }
  return stage;
}
