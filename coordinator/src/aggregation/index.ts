export { type Applied, applyStrategy } from './apply.js';
export { openRoundSums, type RoundSum, type RoundSums } from './round-sum.js';
export { openSpool, type Spool, type Upload, type UploadAnnouncement } from './spool.js';
export { checkAnnouncedLength, verifyPayload } from './verify.js';
