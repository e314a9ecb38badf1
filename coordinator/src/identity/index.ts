/** Who is who: the fleet's authority, enrolment of devices, and who may call what. */
export { type AdminToken, adminTokenFile, openAdminToken } from './admin-token.js';
export {
  type Authority,
  createAuthority,
  readAuthority,
  readSigningAuthority,
  type SigningAuthority,
  type Validity,
} from './authority.js';
export {
  type AuthorityFolder,
  initAuthorityFolder,
  openAuthorityFolder,
  openSigningFolder,
  writeCoordinatorFolder,
} from './authority-folder.js';
export { type DeviceRequest, readDeviceRequest } from './certificate-request.js';
export { type Certified, type Enrolment, identityMismatch } from './enrolment.js';
export { createFleet, type Fleet, type FleetDevice } from './fleet.js';
export type { DeviceAdmission, Gate } from './gate.js';
export { type Identity, type IdentityOptions, type Listening, openIdentity } from './identity.js';
export { readIfThere, readPrivateIfThere, writePrivateFile, writePublicFile } from './key-files.js';
export { coordinatorLifetimeMs, dayMs, deviceLifetimeMs, validFrom } from './lifetimes.js';
export { makeToken, type TokenSettings } from './tokens.js';
export { trustDevices } from './trust-devices.js';
