/** Why metadata or content of a release is not believed; each stands for an attack that The Update Framework lists. */
export type ReleaseRefusal =
  /** Not signed by as many keys of its role as the root asks for: arbitrary software, or keys below the threshold. */
  | 'RELEASE_SIGNATURES_MISSING'
  /** Older than what was believed before. */
  | 'RELEASE_ROLLBACK'
  /** Past its end: somebody may be holding newer metadata back (indefinite freeze). */
  | 'RELEASE_EXPIRED'
  /** Parts that do not belong together. */
  | 'RELEASE_MIX_AND_MATCH'
  /** A root that does not follow the one that is believed. */
  | 'RELEASE_ROOT_OUT_OF_ORDER'
  /** Longer than its role may be, or than its metadata says (endless data). */
  | 'RELEASE_TOO_LARGE'
  /** Nothing of that name was released (wrong software). */
  | 'RELEASE_UNKNOWN'
  /** Content that is not what the targets name: replaced on its way, or where it lay. */
  | 'RELEASE_CONTENT_MISMATCH'
  /** Bytes that trickle (slow retrieval). */
  | 'RELEASE_TOO_SLOW'
  | 'RELEASE_MALFORMED';

/** Thrown by everything in `releases/`; the message names the file and what is wrong with it. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
  readonly code: ReleaseRefusal;

  constructor(code: ReleaseRefusal, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
