/** Starts agents and scripted coordinators that end with the test. */
import { createHash } from 'node:crypto';
import { formatEnrolmentToken } from '@starling/proto';
import { onTestFinished } from 'vitest';
import { type Agent, type AgentOptions, startAgent } from '../agent.js';
import { testAuthority } from './authority.js';
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
  const stateFolder = options.stateFolder ?? (await temporaryFolder());
  const started = await startAgent({
    coordinator: peer.address,
    stateFolder,
    enrolmentToken: await testToken(),
    examples: options.examples ?? new Map([['sides', await smallExamples()]]),
    settings: { backoff: { firstMs: 5, mostMs: 50 }, stopGraceMs: 1000 },
    ...options,
  });
  onTestFinished(() => started.stop());
  return started;
}

/** A token of the fleet that scripted coordinators belong to. */
export async function testToken(): Promise<string> {
  const { der } = await testAuthority();
  const authoritySha256 = createHash('sha256').update(der).digest('hex');
  return formatEnrolmentToken({ tokenId: 'abcdefghijkl', secret: new Uint8Array(32), authoritySha256 });
}

/** Names a round of the run that tests play. */
export function key(round: number) {
  return { runId: 'run-1', round, attempt: 1 };
}
