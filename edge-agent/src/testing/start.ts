/** Starts agents and scripted coordinators that end with the test. */
import { onTestFinished } from 'vitest';
import { type Agent, type AgentOptions, startAgent } from '../agent.js';
import { type ScriptedCoordinator, startScriptedCoordinator } from './scripted-coordinator.js';
import { smallExamples, temporaryFolder } from './small-task.js';

export async function coordinator(port?: number): Promise<ScriptedCoordinator> {
  const started = await startScriptedCoordinator(port);
  onTestFinished(() => started.stop());
  return started;
}

/** An agent with examples for the task "sides", and so impatient that no test has to wait for it. */
export async function agent(
  peer: { readonly address: string },
  options: Partial<AgentOptions> = {},
): Promise<Agent> {
  const started = await startAgent({
    coordinator: peer.address,
    stateFolder: options.stateFolder ?? (await temporaryFolder()),
    examples: options.examples ?? new Map([['sides', await smallExamples()]]),
    settings: { backoff: { firstMs: 5, mostMs: 50 }, stopGraceMs: 1000 },
    ...options,
  });
  onTestFinished(() => started.stop());
  return started;
}

/** Names a round of the run that tests play. */
export function key(round: number) {
  return { runId: 'run-1', round, attempt: 1 };
}
