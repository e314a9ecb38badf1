/** `starling device list|show|revoke|label|token|requests|certify`. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Device, type EnrolmentToken, requireField } from '@starling/proto';
import { writePublicFile } from '../identity/index.js';
import { readBundle, writeBundle } from './certificate-bundle.js';
import { type ClientArguments, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { formatTable, formatTime } from './format.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface ListArguments extends ClientArguments {
  readonly group: string | undefined;
}

export async function listDevices(args: ListArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const { signal } = terminal;
    const { devices } = await fleet.listDevices({ group: args.group ?? '' }, { signal });
    if (args.json) return printJson(terminal, { devices: devices.map(deviceJson) });
    if (devices.length === 0) {
      return printLine(terminal, 'No device has enrolled. "starling device token create" makes a token.');
    }
    const rows = devices.map((device) => [
      device.deviceId,
      device.group,
      device.state,
      timeOrDash(device.lastSeenAtMs),
      timeOrDash(device.certificateEndsAtMs),
      labelText(device),
    ]);
    const head = ['DEVICE', 'GROUP', 'STATE', 'SEEN (UTC)', 'CERTIFIED UNTIL', 'LABELS'];
    printLine(terminal, formatTable(head, rows));
  });
}

export async function showDevice(deviceId: string, args: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const { device } = await fleet.getDevice({ deviceId }, { signal: terminal.signal });
    show(requireField(device, 'GetDeviceResponse.device'), args.json, terminal);
  });
}

export interface RevokeArguments extends ClientArguments {
  readonly device: string;
  readonly reason: string;
}

export async function revokeDevice(args: RevokeArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const request = { deviceId: args.device, reason: args.reason };
    const { device } = await fleet.revokeDevice(request, { signal: terminal.signal });
    const revoked = requireField(device, 'RevokeDeviceResponse.device');
    if (args.json) return printJson(terminal, deviceJson(revoked));
    printLine(terminal, `Device ${revoked.deviceId} is revoked; its connections are closed.`);
  });
}

export interface LabelArguments extends ClientArguments {
  readonly device: string;
  /** `KEY=VALUE`, or `KEY-` to remove. */
  readonly labels: readonly string[];
}

export async function labelDevice(args: LabelArguments, terminal: Terminal): Promise<void> {
  const set = args.labels.filter((text) => !text.endsWith('-')).map(parseLabel);
  const remove = args.labels.filter((text) => text.endsWith('-')).map((text) => text.slice(0, -1));
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const { signal } = terminal;
    const { device } = await fleet.labelDevice({ deviceId: args.device, set, remove }, { signal });
    show(requireField(device, 'LabelDeviceResponse.device'), args.json, terminal);
  });
}

function parseLabel(text: string): { key: string; value: string } {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`"${text}" is no label.`, 'Write KEY=VALUE, or KEY- to remove one.');
  return { key: text.slice(0, at), value: text.slice(at + 1) };
}

export interface TokenArguments extends ClientArguments {
  readonly group: string;
  readonly device: string | undefined;
  readonly expires: string;
  readonly uses: number;
}

export async function createToken(args: TokenArguments, terminal: Terminal): Promise<void> {
  const request = {
    group: args.group,
    deviceId: args.device ?? '',
    lifetimeMs: parseDuration(args.expires),
    usesMax: args.uses,
  };
  await withCoordinator(args, terminal, async ({ fleet, address }) => {
    const { token, text } = await fleet.createToken(request, { signal: terminal.signal });
    const made = requireField(token, 'CreateTokenResponse.token');
    if (args.json) return printJson(terminal, { ...tokenJson(made), token: text });
    printLine(terminal, text);
    const uses = made.usesMax === 1 ? 'one device' : `${made.usesMax} devices`;
    remark(terminal, `For ${uses}, until ${formatTime(made.expiresAtMs)} (UTC). On the device:`);
    remark(terminal, `  starling-agent enroll --coordinator ${address} --state DIR --token …`);
  });
}

export async function listTokens(args: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const { tokens } = await fleet.listTokens({}, { signal: terminal.signal });
    if (args.json) return printJson(terminal, { tokens: tokens.map(tokenJson) });
    const rows = tokens.map((token) => [
      token.tokenId,
      token.group,
      token.deviceId === '' ? '–' : token.deviceId,
      `${token.uses}/${token.usesMax}`,
      formatTime(token.expiresAtMs),
    ]);
    printLine(terminal, formatTable(['TOKEN', 'GROUP', 'DEVICE', 'USED', 'EXPIRES (UTC)'], rows));
  });
}

export async function revokeToken(tokenId: string, args: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ fleet }) => {
    await fleet.revokeToken({ tokenId }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, { tokenId, revoked: true });
    printLine(terminal, `Token ${tokenId} can no longer be used.`);
  });
}

export interface RequestsArguments extends ClientArguments {
  readonly output: string | undefined;
}

/** Shows the requests that wait for the authority's key, or writes them into a file for whoever has it. */
export async function listRequests(args: RequestsArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const { requests } = await fleet.listCertificateRequests({}, { signal: terminal.signal });
    const bundle = writeBundle(
      'requests',
      requests.map(({ deviceId, group, certificateRequest }) => ({
        deviceId,
        group,
        der: certificateRequest,
      })),
    );
    if (args.output !== undefined) {
      await writePublicFile(resolve(args.output), bundle);
      const sign = `starling authority sign DIR ${args.output}`;
      return printLine(
        terminal,
        `${requests.length} requests are in ${args.output}; "${sign}" certifies them.`,
      );
    }
    if (args.json) return printJson(terminal, JSON.parse(bundle));
    const rows = requests.map(({ deviceId, group, requestedAtMs }) => [
      deviceId,
      group,
      formatTime(requestedAtMs),
    ]);
    printLine(terminal, formatTable(['DEVICE', 'GROUP', 'ASKED (UTC)'], rows));
  });
}

/** Brings certificates that were made elsewhere to the coordinator. */
export async function importCertificates(
  file: string,
  args: ClientArguments,
  terminal: Terminal,
): Promise<void> {
  const path = resolve(file);
  const entries = readBundle('certificates', await readFile(path, 'utf8'), path);
  await withCoordinator(args, terminal, async ({ fleet }) => {
    const certificates = entries.map(({ der }) => der);
    const { deviceIds } = await fleet.importCertificates({ certificates }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, { certified: deviceIds });
    printLine(terminal, `${deviceIds.length} devices are certified and get it when they ask next.`);
  });
}

/** `90s`, `30m`, `24h`, `7d`, in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? ''];
  if (match === null || unitMs === undefined) {
    throw new UsageError(`"${text}" is no duration.`, 'Write for instance 90s, 30m, 24h or 7d.');
  }
  return Number(match[1]) * unitMs;
}

function deviceJson(device: Device) {
  const { keySha256, labels, ...rest } = device;
  return {
    ...rest,
    keySha256: Buffer.from(keySha256).toString('hex'),
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
  };
}

function tokenJson({ deviceId, ...token }: EnrolmentToken) {
  return { ...token, deviceId: deviceId === '' ? null : deviceId };
}

function show(device: Device, json: boolean, terminal: Terminal): void {
  if (json) {
    printJson(terminal, deviceJson(device));
    return;
  }
  const lines = [
    `device           ${device.deviceId}`,
    `group            ${device.group}`,
    `state            ${device.state}`,
    `enrolled         ${timeOrDash(device.enrolledAtMs)}`,
    `certified until  ${timeOrDash(device.certificateEndsAtMs)}`,
    `last seen        ${timeOrDash(device.lastSeenAtMs)}, agent ${device.agentVersion || '–'}`,
    `connections      ${device.connections}`,
    `key (SHA-256)    ${Buffer.from(device.keySha256).toString('hex')}`,
    `labels           ${labelText(device) || '–'}`,
  ];
  if (device.revokedAtMs > 0) {
    lines.push(
      `revoked          ${timeOrDash(device.revokedAtMs)}, ${device.revocationReason || 'no reason given'}`,
    );
  }
  printLine(terminal, lines.join('\n'));
}

function labelText({ labels }: Device): string {
  return labels.map(({ key, value }) => `${key}=${value}`).join(' ');
}

function timeOrDash(atMs: number): string {
  return atMs === 0 ? '–' : formatTime(atMs);
}
