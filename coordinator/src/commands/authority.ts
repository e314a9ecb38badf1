/** `starling authority init|coordinator|sign|show`: what is done where the authority's key is, which may have no network. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSystemEntropy } from '../adapters/index.js';
import {
  dayMs,
  initAuthorityFolder,
  openAuthorityFolder,
  openSigningFolder,
  readDeviceRequest,
  validFrom,
  writeCoordinatorFolder,
  writePublicFile,
} from '../identity/index.js';
import { type BundleEntry, readBundle, writeBundle } from './certificate-bundle.js';
import { UsageError } from './explain.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface AuthorityArguments {
  readonly folder: string;
  readonly json: boolean;
}

export async function initAuthority({ folder, json }: AuthorityArguments, terminal: Terminal): Promise<void> {
  const path = resolve(folder);
  const { sha256 } = await initAuthorityFolder(path, createSystemEntropy(), terminal.clock.now());
  if (json) return printJson(terminal, { folder: path, sha256 });
  printLine(terminal, `The authority ${sha256} is in ${path}.`);
  remark(terminal, 'Whoever has authority.key can make devices: keep it where no network reaches it.');
}

export async function showAuthority({ folder, json }: AuthorityArguments, terminal: Terminal): Promise<void> {
  const path = resolve(folder);
  const opened = await openAuthorityFolder(path, createSystemEntropy());
  if (opened === undefined)
    throw new UsageError(`There is no authority in ${path}.`, 'Make one: starling authority init');
  const { sha256 } = opened.authority;
  const keyIsHere = opened.kind === 'signing';
  if (json) return printJson(terminal, { folder: path, sha256, keyIsHere });
  printLine(terminal, `authority  ${sha256}\nkey        ${keyIsHere ? 'here' : 'elsewhere'}`);
}

export interface CoordinatorPartArguments extends AuthorityArguments {
  readonly output: string;
  readonly name: readonly string[];
}

export async function certifyCoordinator(args: CoordinatorPartArguments, terminal: Terminal): Promise<void> {
  const authority = await openSigningFolder(resolve(args.folder), createSystemEntropy());
  const output = resolve(args.output);
  const names = ['localhost', '127.0.0.1', '::1', ...args.name];
  await writeCoordinatorFolder(authority, output, names, terminal.clock.now());
  if (args.json) return printJson(terminal, { folder: output, names });
  printLine(terminal, `A coordinator’s part is in ${output}: "starling serve --authority ${args.output}".`);
}

export interface SignArguments extends AuthorityArguments {
  readonly requests: string;
  readonly output: string;
  readonly days: number;
}

export async function signRequests(args: SignArguments, terminal: Terminal): Promise<void> {
  const authority = await openSigningFolder(resolve(args.folder), createSystemEntropy());
  const path = resolve(args.requests);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${path} cannot be read: ${error.message}.`,
      'See "starling device requests --output".',
    );
  });
  const validity = validFrom(terminal.clock.now(), args.days * dayMs);
  const signed: BundleEntry[] = [];
  for (const entry of readBundle('requests', text, path)) {
    const request = await readDeviceRequest(entry.der);
    // The list is what people review; what is signed is the request itself, so the two must agree.
    if (request.deviceId !== entry.deviceId) {
      throw new UsageError(
        `${path} lists ${entry.deviceId} with a request of ${request.deviceId}.`,
        'Nothing was signed. Ask where this file comes from.',
      );
    }
    signed.push({ ...entry, der: await authority.certifyDevice(request, validity) });
    remark(terminal, `${request.deviceId}  group ${entry.group}  key ${request.keySha256}`);
  }
  await writePublicFile(resolve(args.output), writeBundle('certificates', signed));
  if (args.json) return printJson(terminal, { certified: signed.map(({ deviceId }) => deviceId) });
  printLine(
    terminal,
    `${signed.length} certificates are in ${args.output}: "starling device certify ${args.output}".`,
  );
}
