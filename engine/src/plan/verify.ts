import { createHash } from 'node:crypto';
import { PlanError } from './errors.js';
import type { Plan, PlanFile } from './manifest.js';

/** SHA-256 as lower-case hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** How a manifest lists a file. */
export function describeFile(name: string, bytes: Uint8Array): PlanFile {
  return { name, sha256: sha256Hex(bytes), bytes: bytes.byteLength };
}

/**
 * Checks that a plan's files are those its manifest names, all of them and no other.
 * @throws PlanError `plan/tampered`
 */
export function verifyPlan(plan: Plan): void {
  for (const listed of plan.manifest.files) {
    const bytes = plan.files.get(listed.name);
    if (bytes === undefined) {
      throw new PlanError('plan/tampered', `the plan lacks its file ${listed.name}; fetch it again`);
    }
    const found = describeFile(listed.name, bytes);
    if (found.bytes !== listed.bytes || found.sha256 !== listed.sha256) {
      throw new PlanError(
        'plan/tampered',
        `${listed.name} has ${found.bytes} bytes and SHA-256 ${found.sha256}, but the manifest names ${listed.bytes} bytes and ${listed.sha256}; fetch it again`,
      );
    }
  }
  const listedNames = new Set(plan.manifest.files.map((file) => file.name));
  for (const name of plan.files.keys()) {
    if (!listedNames.has(name)) {
      throw new PlanError('plan/tampered', `the plan holds ${name}, which its manifest does not list`);
    }
  }
}
