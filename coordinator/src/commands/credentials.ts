/** What a command shows and believes: the operators' token, and the fleet's authority. */
import { join, resolve } from 'node:path';
import type { ClientSecurity } from '@starling/proto';
import { adminTokenFile, readIfThere, readPrivateIfThere } from '../identity/index.js';
import { UsageError } from './explain.js';
import type { Terminal } from './terminal.js';

export interface CredentialArguments {
  /** The coordinator's folder, where it is on this machine. */
  readonly data: string;
  /** File with the authority's certificate. */
  readonly authority?: string | undefined;
  /** File with the token. */
  readonly tokenFile?: string | undefined;
}

export interface Credentials {
  readonly security: ClientSecurity;
  readonly token: string;
}

/** Throws a `UsageError` that says where it looked. */
export async function readCredentials(args: CredentialArguments, { env }: Terminal): Promise<Credentials> {
  const authorityPath = resolve(
    args.authority ?? env.STARLING_AUTHORITY ?? join(args.data, 'authority', 'authority.pem'),
  );
  const authority = await readIfThere(authorityPath);
  if (authority === undefined) {
    throw new UsageError(
      `The fleet’s authority is not known: there is no ${authorityPath}.`,
      'Name its certificate with --authority or STARLING_AUTHORITY, or the coordinator’s folder with --data. "starling serve" makes both.',
    );
  }
  return { security: { kind: 'tls', authority }, token: await readToken(args, env) };
}

async function readToken(args: CredentialArguments, env: NodeJS.ProcessEnv): Promise<string> {
  if (args.tokenFile === undefined && env.STARLING_TOKEN !== undefined) return env.STARLING_TOKEN.trim();
  const path = resolve(args.tokenFile ?? env.STARLING_TOKEN_FILE ?? join(args.data, adminTokenFile));
  const token = await readPrivateIfThere(path);
  if (token !== undefined) return token.trim();
  throw new UsageError(
    `The operators’ token is not known: there is no ${path}.`,
    'Name its file with --token-file, set STARLING_TOKEN, or name the coordinator’s folder with --data.',
  );
}
