export { type FolderLock, lockFolder } from './lock.js';
export { openSqliteStore } from './sqlite.js';
export type {
  ArtifactPurpose,
  ExchangeMessage,
  ExchangeMessageStore,
  RunSummary,
  Store,
  StoredArtifact,
  StoredDevice,
  StoredTask,
} from './store.js';
