import { decodeManifest, encodeManifest, type Plan, verifyPlan } from '@starling/engine';
import { type ArtifactStore, brandHash } from '../artifacts/index.js';
import type { ArtifactRef } from '../ids.js';

/** Stores a plan's files and its manifest; gives the manifest's name. */
export async function storePlan(artifacts: ArtifactStore, plan: Plan): Promise<ArtifactRef> {
  verifyPlan(plan);
  for (const content of plan.files.values()) await artifacts.put('plan', content);
  return artifacts.put('plan', encodeManifest(plan.manifest));
}

/** Reads a stored plan, every file checked by hash. */
export async function loadPlan(artifacts: ArtifactStore, planManifest: ArtifactRef): Promise<Plan> {
  const manifest = decodeManifest(await artifacts.load(planManifest.sha256));
  const files = new Map<string, Uint8Array>();
  for (const file of manifest.files) files.set(file.name, await artifacts.load(brandHash(file.sha256)));
  return { manifest, files };
}
