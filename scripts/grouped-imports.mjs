/**
 * Modules that are loaded late and together are one file of a bundle: each `import()` makes a file of its own otherwise, and
 * each combination of them that shares something another one. What is small and shared by many of them is one file too.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

const namespace = 'grouped-imports';

/** Of a library in CommonJS that is bundled, `import()` gives no names but `default`, where Node gives them all. */
const bundledLibrary = /\bimport\('(?!\.|node:|@starling\/)([^']+)'\)/g;

/**
 * @param {object} options paths are absolute
 * @param {string} options.main the module that a process starts with
 * @param {Readonly<Record<string, readonly string[]>>} options.groups by name, the modules that are loaded together
 * @param {readonly string[]} options.common small modules without side effects, loaded with the first
 * @param {readonly string[]} options.modules modules that are not bundled
 * @param {readonly string[]} options.external libraries that are not bundled; `@scope/*` for all of a scope
 */
export function groupedImports({ main, groups, common, modules, external }) {
  const isExternal = (library) =>
    external.some((one) => (one.endsWith('*') ? library.startsWith(one.slice(0, -1)) : library === one));
  const placeOf = new Map(
    Object.entries(groups).flatMap(([group, paths]) =>
      paths.map((path, at) => [path, { group, key: `m${at}` }]),
    ),
  );
  // A file of a bundle holds what the same late imports need: these are needed by each, so they are one file.
  const commonImports = common.map((path) => `import ${JSON.stringify(path)};`).join('');
  return {
    name: namespace,
    setup(build) {
      build.onLoad({ filter: /[\\/]dist[\\/].*\.js$/, namespace: 'file' }, async ({ path }) => {
        // What libraries have in folders of that name is theirs.
        if (path.includes('node_modules')) return undefined;
        const text = await readFile(path, 'utf8');
        const errors = [...text.matchAll(bundledLibrary)]
          .filter(([, library]) => !isExternal(library))
          .map(([, library]) => ({
            text: `${path} loads ${library} late, by import(); import it at the top, and load that module late.`,
          }));
        if (errors.length > 0) return { errors };
        const contents = text.replaceAll(/\bimport\('(\.[^']+)'\)/g, (whole, named) => {
          const target = resolve(dirname(path), named);
          if (modules.includes(target)) return whole;
          const { group, key } = placeOf.get(target) ?? { group: target, key: 'm0' };
          return `import(${JSON.stringify(`${namespace}:${group}`)}).then((group) => group.${key})`;
        });
        return { contents: path === main ? `${contents}\n${commonImports}` : contents, loader: 'js' };
      });
      build.onResolve({ filter: new RegExp(`^${namespace}:`) }, ({ path }) => ({
        path: path.slice(namespace.length + 1),
        namespace,
      }));
      build.onLoad({ filter: /.*/, namespace }, ({ path: group }) => {
        const paths = groups[group] ?? [group];
        const exported = paths.map((path, at) => `export * as m${at} from ${JSON.stringify(path)};`);
        return {
          contents: `${commonImports}${exported.join('')}`,
          resolveDir: dirname(paths[0]),
          loader: 'js',
        };
      });
    },
  };
}
