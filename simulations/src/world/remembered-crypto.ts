/**
 * Remembers what reading keys and certificates and checking signatures came to. Both are functions of their bytes alone,
 * and a hunt asks the same ones again and again: a device's key at each of its starts and calls, a signature once for each
 * neighbour. They took a third of a seed's time. While a world is simulated, and not otherwise.
 */
import crypto, { KeyObject, X509Certificate } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { mounts } from './simulated-process.js';

const isSimulating = (): boolean => mounts.size > 0;

type AnyFunction = (...args: unknown[]) => unknown;

/** Forgets everything once it is full: what is asked again is remembered again. */
const rememberedMax = 20_000;

function remembering<T>(): (name: string, make: () => T) => T {
  const known = new Map<string, T>();
  return (name, make) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const made = make();
    if (known.size >= rememberedMax) known.clear();
    known.set(name, made);
    return made;
  };
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** Names what keys are made of; `undefined` for what is not remembered. */
function nameOf(source: unknown): string | undefined {
  if (typeof source === 'string') return source;
  if (typeof source !== 'object' || source === null) return undefined;
  if (source instanceof KeyObject) return undefined;
  if (!('key' in source)) return undefined;
  const { key, ...rest } = source;
  const kind = JSON.stringify(rest);
  if (key instanceof Uint8Array) return `${kind} ${textOf(key)}`;
  return 'format' in rest && rest.format === 'jwk' ? `${kind} ${JSON.stringify(key)}` : undefined;
}

let installed = false;

export function installRememberedCrypto(): void {
  if (installed) return;
  installed = true;
  const functions = crypto as unknown as Record<string, AnyFunction>;
  const publicOf = new WeakMap<object, unknown>();
  for (const name of ['createPrivateKey', 'createPublicKey']) {
    const real = functions[name];
    const remembered = remembering<unknown>();
    functions[name] = (source) => {
      if (!isSimulating()) return real(source);
      if (source instanceof KeyObject && name === 'createPublicKey') {
        const known = publicOf.get(source) ?? real(source);
        publicOf.set(source, known);
        return known;
      }
      const known = nameOf(source);
      return known === undefined ? real(source) : remembered(known, () => real(source));
    };
  }

  const { verify } = functions;
  const verified = remembering<boolean>();
  const keyNames = new WeakMap<object, number>();
  let keys = 0;
  functions.verify = (...args) => {
    const [algorithm, message, key, signature] = args;
    const plain = isSimulating() && args.length === 4 && !algorithm && key instanceof KeyObject;
    if (!plain || !(message instanceof Uint8Array) || !(signature instanceof Uint8Array))
      return verify(...args);
    let keyName = keyNames.get(key);
    if (keyName === undefined) {
      keys += 1;
      keyName = keys;
      keyNames.set(key, keyName);
    }
    return verified(
      `${keyName} ${signature.byteLength} ${textOf(signature)}${textOf(message)}`,
      () => verify(...args) === true,
    );
  };

  rememberExports();
  rememberCertificates();
  syncBuiltinESMExports();
}

/** A copy each time, as Node.js gives it. */
function rememberExports(): void {
  for (const type of ['public', 'private'] as const) {
    const prototype = Object.getPrototypeOf(sampleKey(type)) as {
      export: (options?: unknown) => string | Buffer;
    };
    const real = prototype.export;
    const exported = new WeakMap<object, Map<string, string | Buffer>>();
    prototype.export = function (this: object, options) {
      if (!isSimulating()) return real.call(this, options);
      const own = exported.get(this) ?? new Map<string, string | Buffer>();
      exported.set(this, own);
      const name = JSON.stringify(options) ?? '';
      const known = own.get(name) ?? real.call(this, options);
      own.set(name, known);
      return Buffer.isBuffer(known) ? Buffer.from(known) : known;
    };
  }
}

function sampleKey(type: 'public' | 'private'): KeyObject {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519');
  return type === 'public' ? publicKey : privateKey;
}

function rememberCertificates(): void {
  const made = remembering<X509Certificate>();
  const functions = crypto as unknown as { X509Certificate: unknown };
  functions.X509Certificate = new Proxy(X509Certificate, {
    construct: (real, [source]: [string | Uint8Array]) =>
      !isSimulating()
        ? new real(source)
        : made(typeof source === 'string' ? source : textOf(source), () => new real(source)),
  });
  const prototype = X509Certificate.prototype as unknown as Record<string, AnyFunction>;
  for (const name of ['verify', 'checkIssued']) {
    const real = prototype[name];
    const answers = new WeakMap<object, WeakMap<object, unknown>>();
    prototype[name] = function (this: object, other) {
      if (!isSimulating()) return real.call(this, other);
      const own = answers.get(this) ?? new WeakMap<object, unknown>();
      answers.set(this, own);
      const asked = other as object;
      const known = own.get(asked) ?? real.call(this, other);
      own.set(asked, known);
      return known;
    };
  }
  for (const name of ['publicKey', 'subjectAltName', 'validFrom', 'validTo', 'raw', 'ca']) {
    const described = Object.getOwnPropertyDescriptor(X509Certificate.prototype, name);
    const real = described?.get;
    if (real === undefined) continue;
    const values = new WeakMap<object, { readonly value: unknown }>();
    Object.defineProperty(X509Certificate.prototype, name, {
      ...described,
      get(this: object) {
        if (!isSimulating()) return real.call(this);
        const known = values.get(this) ?? { value: real.call(this) as unknown };
        values.set(this, known);
        return Buffer.isBuffer(known.value) ? Buffer.from(known.value) : known.value;
      },
    });
  }
}

installRememberedCrypto();
