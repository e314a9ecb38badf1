/** The roles of The Update Framework (specification 1.0.33, section 2.1), and how long each one's file may be. */

export const releaseRoles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type ReleaseRole = (typeof releaseRoles)[number];

/** Bytes that are read of a file before anything of it is believed. */
export const roleBytesMax: Readonly<Record<ReleaseRole, number>> = {
  root: 512 * 1024,
  targets: 4 * 1024 * 1024,
  snapshot: 64 * 1024,
  timestamp: 16 * 1024,
};
