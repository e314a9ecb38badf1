export { type FolderLock, lockFolder } from './lock.js';
export { type OpenDatabase, openDatabaseFile, openSqliteStore } from './sqlite.js';
export type {
  ArtifactPurpose,
  ExchangeMessage,
  ExchangeMessageStore,
  IdentityStanding,
  IdentityStore,
  OwnerSignature,
  RunSummary,
  Store,
  StoredArtifact,
  StoredDevice,
  StoredIdentity,
  StoredTask,
  StoredToken,
} from './store.js';
