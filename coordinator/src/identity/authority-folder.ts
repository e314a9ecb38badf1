/** An authority as files: `authority.pem`, and either `authority.key` or a coordinator's own key and certificate. */
import { join } from 'node:path';
import type { Entropy } from '@starling/federation';
import type { TlsIdentity } from '@starling/proto';
import { makeNamedFolder } from '../artifacts/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import {
  type Authority,
  createAuthority,
  readAuthority,
  readSigningAuthority,
  type SigningAuthority,
} from './authority.js';
import { readIfThere, readPrivateIfThere, writePrivateFile, writePublicFile } from './key-files.js';
import { authorityLifetimeMs, carriedLifetimeMs, validFrom } from './lifetimes.js';

/** What a coordinator has of its authority. */
export type AuthorityFolder =
  /** The key is here: devices are certified as they enrol. */
  | { readonly kind: 'signing'; readonly authority: SigningAuthority }
  /** The key is elsewhere: requests wait for it, and the coordinator's own certificate was brought along. */
  | { readonly kind: 'verifying'; readonly authority: Authority; readonly identity: TlsIdentity };

const certificateFile = 'authority.pem';
const keyFile = 'authority.key';
const coordinatorCertificateFile = 'coordinator.pem';
const coordinatorKeyFile = 'coordinator.key';

/** Makes an authority in a folder that has none. Throws AUTHORITY_EXISTS, FOLDER_UNUSABLE. */
export async function initAuthorityFolder(
  folder: string,
  entropy: Entropy,
  nowMs: number,
): Promise<SigningAuthority> {
  if ((await readIfThere(join(folder, certificateFile))) !== undefined) {
    throw new CoordinatorError(
      refusal(
        'already-exists',
        'AUTHORITY_EXISTS',
        `${folder} holds an authority already.`,
        'Name another folder; a new authority means to enrol every device anew.',
      ),
    );
  }
  await makeNamedFolder(folder, 0o700);
  const made = await createAuthority(entropy, validFrom(nowMs, authorityLifetimeMs));
  // The certificate comes last: a crash in between leaves a key that nothing refers to, and the next start makes both.
  await writePrivateFile(join(folder, keyFile), made.privateKey);
  await writePublicFile(join(folder, certificateFile), made.authority.certificate);
  return made.authority;
}

/** The authority in a folder, or `undefined` where there is none. Throws AUTHORITY_INVALID, KEY_FILE_EXPOSED. */
export async function openAuthorityFolder(
  folder: string,
  entropy: Entropy,
): Promise<AuthorityFolder | undefined> {
  const certificate = await readIfThere(join(folder, certificateFile));
  if (certificate === undefined) return undefined;
  const authority = readAuthority(certificate);
  if (authority === undefined) throw invalid(folder, `${certificateFile} is no authority’s certificate`);
  const key = await readPrivateIfThere(join(folder, keyFile));
  if (key !== undefined) {
    const signing = readSigningAuthority(certificate, key, entropy);
    if (signing === undefined) throw invalid(folder, `${keyFile} is not the key of ${certificateFile}`);
    return { kind: 'signing', authority: signing };
  }
  const own = await readIfThere(join(folder, coordinatorCertificateFile));
  const ownKey = await readPrivateIfThere(join(folder, coordinatorKeyFile));
  if (own === undefined || ownKey === undefined) {
    throw invalid(
      folder,
      `it has neither ${keyFile} nor ${coordinatorCertificateFile} with ${coordinatorKeyFile}`,
    );
  }
  return { kind: 'verifying', authority, identity: { certificate: own, privateKey: ownKey } };
}

/** Like `openAuthorityFolder` where the key must be there. Throws AUTHORITY_INVALID. */
export async function openSigningFolder(folder: string, entropy: Entropy): Promise<SigningAuthority> {
  const opened = await openAuthorityFolder(folder, entropy);
  if (opened?.kind === 'signing') return opened.authority;
  throw invalid(folder, `it has no ${certificateFile} with ${keyFile}`);
}

/** Writes what a coordinator needs that is to work without the authority's key. */
export async function writeCoordinatorFolder(
  authority: SigningAuthority,
  folder: string,
  names: readonly string[],
  nowMs: number,
): Promise<void> {
  const { certificate, privateKey } = await authority.certifyCoordinator(
    names,
    validFrom(nowMs, carriedLifetimeMs),
  );
  await makeNamedFolder(folder, 0o700);
  await writePrivateFile(join(folder, coordinatorKeyFile), privateKey);
  await writePublicFile(join(folder, coordinatorCertificateFile), certificate);
  await writePublicFile(join(folder, certificateFile), authority.certificate);
}

function invalid(folder: string, what: string): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'failed-precondition',
      'AUTHORITY_INVALID',
      `${folder} cannot be used as an authority: ${what}.`,
      'Make one with "starling authority init", or a coordinator’s part of one with "starling authority coordinator".',
    ),
  );
}
