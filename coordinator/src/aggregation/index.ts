export { type Applied, applyStrategy } from './apply.js';
export type { KeptUpdates } from './kept-updates.js';
export { groupElements, type MaskedShape, type MaskedSum } from './masked-sum.js';
export {
  type FoldingSum,
  type MaskedRoundSum,
  openRoundSums,
  type RoundSum,
  type RoundSums,
} from './round-sum.js';
export { type OpenAttempt, openSpool, type PayloadName, type Spool } from './spool.js';
export { senderOf, type Upload, type UploadAnnouncement } from './upload.js';
export { createUploadSlots, type UploadSlots } from './upload-slots.js';
export { checkAnnouncedLength, type PayloadForm, verifyPayload } from './verify.js';
