#!/usr/bin/env node
/**
 * Writes docs/messages.md from the proto files: every call, message, field and value with its number and comment, and
 * who may call what from the table that the coordinator goes by. It fails where anything has no comment; with `--check`
 * it writes nothing, and fails where the page is another.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { audienceOf } from '../coordinator/dist/identity/access.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'docs/messages.md');
const folder = 'proto/starling/v1';

const introduction = `# Every message

All services, messages and fields of [\`${folder}\`](../${folder}), written from those files by \`npm run messages\`. What they
are for, in which order they come, and what is signed, hashed or derived stands in [the protocol](protocol.md).

Who may call is what the coordinator's [table of access](../coordinator/src/identity/access.ts) says: a device shows its
certificate, an operator the token of \`admin.token\` (\`authorization: Bearer TOKEN\`). A field that a sender leaves out is 0,
empty, or absent where it is a message. A \`device_id\` is 1 to 64 characters of [A-Za-z0-9._-].
`;

const callers = {
  devices: 'an enrolled device',
  operators: 'an operator',
  'devices-and-operators': 'an enrolled device, an operator',
  everybody: 'anyone with a token for it',
};

/** What has no comment. */
const silent = [];
const text = await render();
if (silent.length > 0) {
  process.stderr.write(`no comment says what these are: ${silent.join(', ')}\n`);
  process.exitCode = 1;
} else if (process.argv.includes('--check')) {
  const found = await readFile(page, 'utf8').catch(() => '');
  if (found !== text) {
    process.stderr.write('docs/messages.md is not what the proto files say; run "npm run messages"\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(page, text);
}

async function render() {
  const files = (await readdir(join(root, folder))).filter((name) => name.endsWith('.proto')).sort();
  const parts = [introduction];
  for (const name of files) {
    const source = await readFile(join(root, folder, name), 'utf8');
    const options = { keepCase: true, alternateCommentMode: true, preferTrailingComment: false };
    const { root: parsed } = protobuf.parse(source, new protobuf.Root(), options);
    parts.push(`## ${name}\n`);
    const all = nestedOf(parsed.lookup('starling.v1'));
    for (const item of all.filter((one) => one instanceof protobuf.Service)) parts.push(service(item));
    for (const item of all.filter((one) => !(one instanceof protobuf.Service))) parts.push(typeOf(item));
  }
  return parts.join('\n');
}

/** A namespace's members in the order of the file, and theirs behind them. */
function nestedOf(namespace) {
  return (namespace.nestedArray ?? []).flatMap((one) => [one, ...nestedOf(one)]);
}

function service(item) {
  const rows = item.methodsArray.map((method) => [
    `\`${method.name}\``,
    `${method.requestStream ? 'stream of ' : ''}\`${method.requestType}\``,
    `${method.responseStream ? 'stream of ' : ''}\`${method.responseType}\``,
    callers[audienceOf(`/starling.v1.${item.name}/${method.name}`)],
    said(method.comment, `${item.name}.${method.name}`),
  ]);
  const heads = ['call', 'request', 'response', 'who may call', 'meaning'];
  return `### ${item.name}\n\n${paragraph(said(item.comment, item.name))}${table(heads, rows)}`;
}

function typeOf(item) {
  const heading = `### ${nameOf(item)}\n\n${paragraph(item.comment ?? endOfCall(item) ?? said(undefined, nameOf(item)))}`;
  if (item instanceof protobuf.Enum) {
    const rows = Object.entries(item.values).map(([name, number]) => [
      number,
      `\`${name}\``,
      said(item.comments[name], `${nameOf(item)}.${name}`),
    ]);
    return heading + table(['number', 'value', 'meaning'], rows);
  }
  if (item.fieldsArray.length === 0) return `${heading}It has no fields.\n`;
  const rows = item.fieldsArray.map((field) => [
    field.id,
    `\`${field.name}\``,
    fieldType(field),
    `${field.partOf && !field.partOf.isProto3Optional ? `One of \`${field.partOf.name}\`. ` : ''}${said(field.comment, `${nameOf(item)}.${field.name}`)}`,
  ]);
  return heading + table(['number', 'field', 'type', 'meaning'], rows);
}

function nameOf(item) {
  const outer = item.parent instanceof protobuf.Type ? `${nameOf(item.parent)}.` : '';
  return `${outer}${item.name}`;
}

function fieldType(field) {
  if (field instanceof protobuf.MapField) return `map of \`${field.keyType}\` to \`${field.type}\``;
  const optional = field.partOf?.isProto3Optional || field.options?.proto3_optional ? 'optional ' : '';
  return `${field.repeated ? 'repeated ' : optional}\`${field.type}\``;
}

function said(comment, name) {
  if (!comment) silent.push(name);
  return comment ?? '';
}

/** Each call has a request and a response of its own, named after it; the call's comment says what they are for. */
function endOfCall({ name }) {
  const call = /^(.+)(Request|Response)$/.exec(name);
  if (call === null) return undefined;
  return call[2] === 'Request' ? `What \`${call[1]}\` is asked.` : `What \`${call[1]}\` answers.`;
}

function paragraph(comment) {
  return comment ? `${oneLine(comment)}\n\n` : '';
}

function oneLine(comment) {
  return (comment ?? '').replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.map((cell) => oneLine(String(cell ?? ''))).join(' | ')} |\n`;
  return line(heads) + line(heads.map(() => '---')) + rows.map(line).join('');
}
