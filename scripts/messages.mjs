#!/usr/bin/env node
/**
 * Writes docs/messages.md from the proto files: every call, message, field and value with its number and comment.
 * With `--check` it writes nothing, and fails where the page is another.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'docs/messages.md');
const folder = 'proto/starling/v1';

const introduction = `# Every message

All services, messages and fields of [\`${folder}\`](../${folder}), written from those files by \`npm run messages\`. What they
are for, in which order they come, and what is signed, hashed or derived stands in [the protocol](protocol.md).
`;

const text = await render();
if (process.argv.includes('--check')) {
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
    method.comment,
  ]);
  return `### ${item.name}\n\n${paragraph(item.comment)}${table(['call', 'request', 'response', 'meaning'], rows)}`;
}

function typeOf(item) {
  const heading = `### ${nameOf(item)}\n\n${paragraph(item.comment)}`;
  if (item instanceof protobuf.Enum) {
    const rows = Object.entries(item.values).map(([name, number]) => [
      number,
      `\`${name}\``,
      item.comments[name],
    ]);
    return heading + table(['number', 'value', 'meaning'], rows);
  }
  if (item.fieldsArray.length === 0) return `${heading}It has no fields.\n`;
  const rows = item.fieldsArray.map((field) => [
    field.id,
    `\`${field.name}\``,
    fieldType(field),
    [field.partOf && !field.partOf.isProto3Optional ? `One of \`${field.partOf.name}\`.` : '', field.comment]
      .filter((part) => part)
      .join(' '),
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
