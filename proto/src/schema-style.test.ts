import { readdirSync } from 'node:fs';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { loadSchema } from '../scripts/load-schema.mjs';

// The rules of buf's STANDARD lint that matter to whoever writes another client, over the parsed schema.
const proto = new URL('..', import.meta.url).pathname;
const files = readdirSync(`${proto}starling/v1`).filter((name) => name.endsWith('.proto'));
const root: protobuf.Root = loadSchema(
  proto,
  files.map((name) => `starling/v1/${name}`),
);
const declared = root.lookup('starling.v1') as protobuf.Namespace;
const types = declared.nestedArray.filter((item) => item instanceof protobuf.Type);
const enums = declared.nestedArray.filter((item) => item instanceof protobuf.Enum);
const services = declared.nestedArray.filter((item) => item instanceof protobuf.Service);

const upperSnake = (name: string): string => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase();

test('all declarations are in the package starling.v1, in files of snake case', () => {
  expect(types.length).toBeGreaterThan(20);
  expect(files.every((name) => /^[a-z]+(_[a-z]+)*\.proto$/.test(name))).toBe(true);
});

test('every call has a request and a response of its own, named after it', () => {
  const methods = services.flatMap((service) => service.methodsArray);
  for (const method of methods) {
    expect([method.requestType, method.responseType]).toEqual([
      `${method.name}Request`,
      `${method.name}Response`,
    ]);
  }
  expect(new Set(methods.map((method) => method.name)).size).toBe(methods.length);
});

test('services are named …Service', () => {
  expect(services.map((service) => service.name).filter((name) => !name.endsWith('Service'))).toEqual([]);
});

test('enumeration values carry the prefix, and 0 is …_UNSPECIFIED', () => {
  for (const item of enums) {
    const prefix = `${upperSnake(item.name)}_`;
    expect(item.valuesById[0]).toBe(`${prefix}UNSPECIFIED`);
    expect(Object.keys(item.values).filter((name) => !name.startsWith(prefix))).toEqual([]);
  }
});

test('fields are snake case in the files', () => {
  const source = loadSchema(
    proto,
    files.map((name) => `starling/v1/${name}`),
    { keepCase: true },
  );
  const names = (source.lookup('starling.v1') as protobuf.Namespace).nestedArray
    .filter((item) => item instanceof protobuf.Type)
    .flatMap((type) => type.fieldsArray.map((field) => field.name));
  expect(names.filter((name) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name))).toEqual([]);
});

test('everything says what it is; requests and responses are what their calls say', () => {
  const items = [
    ...services.flatMap((service) => [service, ...service.methodsArray]),
    ...types.filter((type) => !/(Request|Response)$/.test(type.name)),
    ...types.flatMap((type) => type.fieldsArray),
    ...enums,
  ];
  const silent = items.filter((item) => !item.comment).map((item) => item.fullName);
  const silentValues = enums.flatMap((item) =>
    Object.keys(item.values).filter((name) => !item.comments[name]?.trim()),
  );
  expect([...silent, ...silentValues]).toEqual([]);
});
