/** What is released, and how it comes to be believed: signed metadata in the manner of The Update Framework. */
export { applyDelta, deltaFile, deltaFrom, makeDelta } from './delta.js';
export { ReleaseError, type ReleaseRefusal } from './errors.js';
export { type ReleaseRole, releaseRoles, roleBytesMax } from './roles.js';
export {
  addSignatures,
  type ReleaseSigner,
  type RoleKeys,
  type RolePublicKey,
  type RootContent,
  readRoot,
  readTargets,
  releaseKeyId,
  releaseRoleOf,
  signaturesOf,
  signRoot,
  signSnapshot,
  signTargets,
  signTimestamp,
  type TargetContent,
  type TargetsContent,
} from './sign-metadata.js';
export {
  acceptRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  checkRootIsCurrent,
  namedVersion,
  type ReleaseTarget,
  releaseTarget,
  releaseTargets,
  type TrustedMetadata,
  trustedVersion,
  trustRoot,
} from './trusted-metadata.js';
