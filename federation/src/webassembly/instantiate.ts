/** The part of the WebAssembly interface used here; the language's own library does not declare it. */
interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };

/** What every assembled module exports: its functions by name, and its memory. */
export type ModuleExports<Name extends string> = Readonly<Record<Name, (...parameters: number[]) => void>> & {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
};

/**
 * Compiles a module of `assembleModule`, whose functions the caller names, and gives what makes instances of it: one
 * module's instances share the code that the engine optimises as it runs. Undefined where the engine has no WebAssembly
 * with 128-bit vectors.
 */
export function compile<Name extends string>(bytes: Uint8Array): (() => ModuleExports<Name>) | undefined {
  if (WebAssembly === undefined || !WebAssembly.validate(bytes)) return undefined;
  const { Instance, Module } = WebAssembly;
  const module = new Module(bytes);
  // The module is our own, so what it exports is what its maker says.
  return () => new Instance(module).exports as ModuleExports<Name>;
}
