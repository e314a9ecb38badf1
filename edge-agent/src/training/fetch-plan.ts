/** Gets everything an assignment names into the cache, and checks that it fits together before anything loads it. */
import { decodeManifest, type Plan, PlanError, type PlanManifest, verifyPlan } from '@starling/engine';
import { float32FromBytes } from '@starling/federation';
import type { ArtifactReference, Assignment } from '../connection/assignment.js';
import type { WorkLimits } from '../connection/read-assignment.js';
import { AgentError } from '../errors.js';
import type { ArtifactCache, Download } from './artifact-cache.js';
import { checkContractFitsPlan } from './plan-contract.js';

/** What a round needs, verified. */
export interface FetchedWork {
  readonly plan: Plan;
  /** `[parameterCount]`. */
  readonly parameters: Float32Array;
}

/**
 * Downloads manifest, plan files and checkpoint, as far as the cache lacks them.
 *
 * @throws CallError where the coordinator cannot be reached or refuses
 * @throws AgentError, PlanError where what it sent is not what it named or cannot be done here
 */
export async function fetchWork(
  assignment: Assignment,
  cache: ArtifactCache,
  download: Download,
  limits: WorkLimits,
  signal: AbortSignal,
): Promise<void> {
  await cache.fetch(assignment.planManifest, download, signal);
  const manifest = await readManifest(assignment, cache, limits);
  const files = manifest.files.map(fileReference);
  for (const artifact of [...files, assignment.checkpoint]) {
    await cache.fetch(artifact, download, signal);
  }
  await cache.evict([assignment.planManifest, ...files, assignment.checkpoint]);
}

/**
 * Reads plan and checkpoint from the cache, every byte checked against its hash.
 *
 * @throws AgentError, PlanError where something is missing or does not fit
 */
export async function readWork(
  assignment: Assignment,
  cache: ArtifactCache,
  limits: WorkLimits,
): Promise<FetchedWork> {
  const manifest = await readManifest(assignment, cache, limits);
  const files = new Map<string, Uint8Array>();
  for (const file of manifest.files) {
    files.set(file.name, await readCached(cache, fileReference(file)));
  }
  const plan = { manifest, files };
  verifyPlan(plan);
  const checkpoint = await readCached(cache, assignment.checkpoint);
  return { plan, parameters: readParameters(checkpoint, manifest.parameterCount) };
}

function readParameters(checkpoint: Uint8Array, parameterCount: number): Float32Array {
  try {
    return float32FromBytes(checkpoint, parameterCount);
  } catch (error) {
    throw new AgentError(
      'agent/plan-mismatch',
      'The checkpoint holds numbers that are not finite, so there is nothing to start from.',
      error,
    );
  }
}

function fileReference(file: PlanManifest['files'][number]): ArtifactReference {
  return { sha256: file.sha256, bytes: file.bytes };
}

async function readManifest(
  assignment: Assignment,
  cache: ArtifactCache,
  limits: WorkLimits,
): Promise<PlanManifest> {
  const manifest = decodeManifest(await readCached(cache, assignment.planManifest));
  const planBytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  if (planBytes > limits.planBytesMax) {
    throw new PlanError(
      'plan/malformed',
      `The plan's files have ${planBytes} bytes; this device takes at most ${limits.planBytesMax}.`,
    );
  }
  const checkpointBytes = 4 * manifest.parameterCount;
  if (assignment.checkpoint.bytes !== checkpointBytes) {
    throw new AgentError(
      'agent/plan-mismatch',
      `The checkpoint has ${assignment.checkpoint.bytes} bytes, but the plan's ${manifest.parameterCount} parameters take ${checkpointBytes}.`,
    );
  }
  checkContractFitsPlan(assignment.contract, manifest);
  return manifest;
}

async function readCached(
  cache: ArtifactCache,
  artifact: ArtifactReference,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = await cache.read(artifact);
  if (content === undefined) {
    throw new AgentError(
      'agent/artifact-hash',
      `The artifact ${artifact.sha256} vanished from this device's cache or was damaged there; it is fetched again next time.`,
    );
  }
  return content;
}
