import { basename } from 'node:path';
import protobuf from 'protobufjs';

/** What the schema may use: how a scalar is typed, defaulted, read and written, and its wire type. */
const scalars = {
  string: { type: 'string', zero: "''", read: 'reader.stringVerify()', write: 'string(%)', wire: 2 },
  bytes: { type: 'Uint8Array', zero: 'noBytes', read: 'reader.bytes()', write: 'bytes(%)', wire: 2 },
  bool: { type: 'boolean', zero: 'false', read: 'reader.bool()', write: 'bool(%)', wire: 0 },
  uint32: { type: 'number', zero: '0', read: 'reader.uint32()', write: 'uint32(uint32(%))', wire: 0 },
  uint64: { type: 'number', zero: '0', read: 'readUint64(reader)', write: 'uint64(uint64(%))', wire: 0 },
  int32: { type: 'number', zero: '0', read: 'reader.int32()', write: 'int32(int32(%))', wire: 0 },
  int64: { type: 'number', zero: '0', read: 'readInt64(reader)', write: 'int64(int64(%))', wire: 0 },
  float: { type: 'number', zero: '0', read: 'reader.float()', write: 'float(%)', wire: 5 },
  double: { type: 'number', zero: '0', read: 'reader.double()', write: 'double(%)', wire: 1 },
};

/** The text of the module of one .proto file. */
export function printModule(root, filename) {
  const local = collect(root, filename);
  const imports = new Map();
  const body = [
    ...local.enums.map(printEnum),
    ...local.types.map((type) => printMessage(type, imports)),
    ...local.services.map((service) => printService(service, imports)),
  ].join('\n');
  const runtime = [
    'int32',
    'int64',
    'type MessageType',
    'noBytes',
    'readEnum',
    'readInt64',
    'readMapEntry',
    'readMessage',
    'readPacked',
    'readUint64',
    'type Reader',
    'skipField',
    'uint32',
    'uint64',
    'type Writer',
    'writeEnum',
    'writeMapEntry',
    'writeMessage',
  ].filter((name) => new RegExp(`(?<![.\\w])${name.replace('type ', '')}(?!\\w)`).test(body));
  return [
    `// Generated from ${basename(filename)} by scripts/generate.mjs.`,
    ...(runtime.length > 0 ? [`import { ${runtime.join(', ')} } from '../wire.js';`] : []),
    ...[...imports].map(
      ([module, names]) => `import { ${[...names].sort().join(', ')} } from './${module}.js';`,
    ),
    '',
    body,
  ].join('\n');
}

function collect(root, filename) {
  const found = { enums: [], types: [], services: [] };
  const visit = (namespace) => {
    for (const item of namespace.nestedArray) {
      if (item instanceof protobuf.Type && item.filename === filename) {
        // Nested messages are printed under their short names, which the whole package may then use only once.
        if (item.nestedArray.some((nested) => !(nested instanceof protobuf.Type))) {
          throw unsupported(item, 'has nested declarations other than messages');
        }
        visit(item);
        if (found.types.some(({ name }) => name === item.name))
          throw unsupported(item, 'has a name used twice');
        found.types.push(item);
      } else if (item instanceof protobuf.Enum && item.filename === filename) found.enums.push(item);
      else if (item instanceof protobuf.Service && item.filename === filename) found.services.push(item);
      else if (item.nestedArray && !(item instanceof protobuf.Type)) visit(item);
    }
  };
  visit(root);
  return found;
}

function printEnum(item) {
  const prefix = `${snakeCase(item.name).toUpperCase()}_`;
  const values = Object.entries(item.values).map(([name, number], position) => {
    if (number !== position) throw unsupported(item, 'is not numbered 0, 1, 2, …');
    const short = protobuf.util.camelCase(name.replace(prefix, '').toLowerCase());
    return `${comment(item.comments[name], '  ')}  '${short}',\n`;
  });
  return `${comment(item.comment)}export type ${item.name} = (typeof ${enumTable(item)})[number];
/** The values of ${item.name}, each at its number; a number from a newer peer reads as the first. */
export const ${enumTable(item)} = [
${values.join('')}] as const;
`;
}

function printMessage(type, imports) {
  const plain = type.fieldsArray.filter((field) => realOneof(field) === undefined);
  const oneofs = type.oneofsArray.filter((oneof) => !oneof.isProto3Optional);
  const members = [
    ...plain.map((field) => `${comment(field.comment, '  ')}  readonly ${member(field, imports)};\n`),
    ...oneofs.map((oneof) => printUnion(oneof, imports)),
  ];
  const names = [...plain, ...oneofs].map((item) => item.name);
  return `${comment(type.comment)}export interface ${type.name} {
${members.join('')}}

export const ${type.name}: MessageType<${type.name}> = {
  name: '${type.fullName.slice(1)}',
  encode(${names.length > 0 ? 'message' : '_message'}: ${type.name}, ${names.length > 0 ? 'writer' : '_writer'}: Writer): void {
${plain.map((field) => printWrite(field, imports)).join('')}${oneofs.map((oneof) => printUnionWrite(oneof, imports)).join('')}  },
  decode(reader: Reader): ${type.name} {
${plain.map((field) => `    ${declare(field, imports)}\n`).join('')}${oneofs.map((oneof) => `    let ${oneof.name}: ${type.name}['${oneof.name}'];\n`).join('')}    while (reader.pos < reader.len) {
      const tag = reader.tag();
      switch (tag) {
${type.fieldsArray.map((field) => printRead(field, imports)).join('')}        default:
          skipField(reader, tag);
      }
    }
    return { ${names.join(', ')} };
  },
};
`;
}

function member(field, imports) {
  const type = typeOf(field, imports);
  if (field.map) return `${field.name}: ReadonlyMap<string, ${type}>`;
  if (field.repeated) return `${field.name}: readonly ${type}[]`;
  return isOptional(field) ? `${field.name}?: ${type} | undefined` : `${field.name}: ${type}`;
}

function printUnion(oneof, imports) {
  const variants = oneof.fieldsArray.map(
    (field) =>
      `${comment(field.comment, '    ')}    | { readonly kind: '${field.name}'; readonly value: ${typeOf(field, imports)} }\n`,
  );
  return `${comment(oneof.comment, '  ')}  readonly ${oneof.name}?:\n${variants.join('')}    | undefined;\n`;
}

function declare(field, imports) {
  const type = typeOf(field, imports);
  if (field.map) return `const ${field.name} = new Map<string, ${type}>();`;
  if (field.repeated) return `const ${field.name}: ${type}[] = [];`;
  if (isOptional(field)) return `let ${field.name}: ${type} | undefined;`;
  return `let ${field.name}: ${type} = ${zero(field)};`;
}

function printRead(field, imports) {
  const oneof = realOneof(field);
  if (field.map) {
    const type = use(field, field.resolvedType.name, imports);
    return `        case ${tagOf(field)}:\n          readMapEntry(reader, ${type}, ${field.name});\n          break;\n`;
  }
  if (isPacked(field)) return printReadPacked(field, imports);
  const value = readOf(field, imports);
  const statement = oneof
    ? `${oneof.name} = { kind: '${field.name}', value: ${value} };`
    : field.repeated
      ? `${field.name}.push(${value});`
      : `${field.name} = ${value};`;
  return `        case ${tagOf(field)}:\n          ${statement}\n          break;\n`;
}

/** Writers pack repeated scalars; readers take them both ways. */
function printReadPacked(field, imports) {
  const value = readOf(field, imports);
  const { wire } = scalar(field);
  return `        case ${((field.id << 3) | wire) >>> 0}:
          ${field.name}.push(${value});
          break;
        case ${tagOf(field)}:
          readPacked(reader, () => ${field.name}.push(${value}));
          break;
`;
}

function printWrite(field, imports) {
  const access = `message.${field.name}`;
  if (field.map) {
    const type = use(field, field.resolvedType.name, imports);
    return `    for (const [key, item] of ${access}) writeMapEntry(writer, ${tagOf(field)}, ${type}, key, item);\n`;
  }
  if (isPacked(field)) {
    const write = scalar(field).write.replace('%', 'item');
    return `    if (${access}.length > 0) {
      writer.uint32(${tagOf(field)}).fork();
      for (const item of ${access}) writer.${write};
      writer.ldelim();
    }
`;
  }
  if (field.repeated) return `    for (const item of ${access}) ${writeOf(field, 'item', imports)}\n`;
  const condition = isOptional(field)
    ? `${access} !== undefined`
    : field.type === 'bytes'
      ? `${access}.length > 0`
      : // Minus zero and NaN are not the default, and must arrive.
        ['double', 'float'].includes(field.type)
        ? `!Object.is(${access}, 0)`
        : `${access} !== ${zero(field)}`;
  return `    if (${condition}) ${writeOf(field, access, imports)}\n`;
}

function printUnionWrite(oneof, imports) {
  const access = `message.${oneof.name}`;
  const cases = oneof.fieldsArray.map(
    (field) =>
      `      case '${field.name}':\n        ${writeOf(field, `${access}.value`, imports)}\n        break;\n`,
  );
  return `    switch (${access}?.kind) {\n${cases.join('')}    }\n`;
}

function readOf(field, imports) {
  if (isEnum(field)) return `readEnum(reader, ${use(field, enumTable(field.resolvedType), imports)})`;
  if (isMessage(field)) return `readMessage(reader, ${use(field, field.resolvedType.name, imports)})`;
  return scalar(field).read;
}

function writeOf(field, access, imports) {
  if (isEnum(field)) {
    return `writeEnum(writer, ${tagOf(field)}, ${use(field, enumTable(field.resolvedType), imports)}, ${access});`;
  }
  if (isMessage(field)) {
    return `writeMessage(writer, ${tagOf(field)}, ${use(field, field.resolvedType.name, imports)}, ${access});`;
  }
  return `writer.uint32(${tagOf(field)}).${scalar(field).write.replace('%', access)};`;
}

function printService(service, imports) {
  const methods = service.methodsArray.map((method) => {
    if (method.requestStream && method.responseStream) throw unsupported(method, 'streams both ways');
    const kind = method.requestStream ? 'clientStream' : method.responseStream ? 'serverStream' : 'unary';
    const [request, response] = [method.resolvedRequestType, method.resolvedResponseType].map((type) =>
      use({ parent: service, resolvedType: type }, type.name, imports),
    );
    return `${comment(method.comment, '    ')}    ${protobuf.util.lcFirst(method.name)}: {
      kind: '${kind}',
      path: '/${service.fullName.slice(1)}/${method.name}',
      request: ${request},
      response: ${response},
    },
`;
  });
  return `${comment(service.comment)}export const ${service.name} = {
  name: '${service.fullName.slice(1)}',
  methods: {
${methods.join('')}  },
} as const;
`;
}

function typeOf(field, imports) {
  if (isMessage(field) || isEnum(field)) return use(field, field.resolvedType.name, imports, isEnum(field));
  return scalar(field).type;
}

/** The name, and an import of it where it is declared in another file. */
function use(field, name, imports, typeOnly = false) {
  const target = field.resolvedType.filename;
  if (target !== (field.parent.filename ?? target)) {
    const module = basename(target, '.proto').replaceAll('_', '-');
    const names = imports.get(module) ?? new Set();
    imports.set(module, names.add(typeOnly ? `type ${name}` : name));
  }
  return name;
}

function scalar(field) {
  const known = scalars[field.type];
  if (!known || field.map) {
    throw unsupported(
      field,
      `has type ${field.map ? 'map to a scalar' : field.type}, which the printer does not know yet`,
    );
  }
  return known;
}

function zero(field) {
  return isEnum(field) ? `'unspecified'` : scalar(field).zero;
}

function tagOf(field) {
  const wire = isMessage(field) || isPacked(field) ? 2 : isEnum(field) ? 0 : scalar(field).wire;
  return ((field.id << 3) | wire) >>> 0;
}

const isEnum = (field) => field.resolvedType instanceof protobuf.Enum;
const isPacked = (field) => field.repeated && !field.resolvedType && scalar(field).wire !== 2;
const isMessage = (field) => field.resolvedType instanceof protobuf.Type;
const isOptional = (field) => isMessage(field) || field.partOf?.isProto3Optional === true;
const realOneof = (field) => (field.partOf && !field.partOf.isProto3Optional ? field.partOf : undefined);
const enumTable = (item) => `${protobuf.util.lcFirst(item.name)}Values`;
const snakeCase = (name) => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_');

function comment(text, indent = '') {
  return text ? `${indent}/** ${text.replace(/\s*\n\s*/g, ' ').replaceAll('*/', '* /')} */\n` : '';
}

function unsupported(item, why) {
  return new Error(`${item.fullName} ${why}; see proto/scripts/print.mjs`);
}
