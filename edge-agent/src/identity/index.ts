/** Who this device is, and how it proves it. */
export { makeCertificateRequest } from './certificate-request.js';
export {
  type Connect,
  type DeviceIdentity,
  readIdentity,
  securityOf,
  signAsDevice,
} from './device-identity.js';
export { type EnrolOptions, enrol } from './enrol.js';
export { keepRenewed } from './renewal.js';
