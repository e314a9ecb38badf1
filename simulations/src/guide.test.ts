/** The guide's examples compile and run as they stand there, and types refuse what is wrong. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const run = promisify(execFile);

const compiler = {
  ...{ target: 'es2023', module: 'nodenext', types: ['node'] },
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: false },
  ...{ skipLibCheck: true, verbatimModuleSyntax: true, erasableSyntaxOnly: true },
};

/** Compiles only where each line below such a remark is an error. */
const mistakes = `
import { type DeviceModel, type PartitionFunction, type ScenarioInput, simulate } from '@starling/simulations';
const good: ScenarioInput = {
  name: 'good', data: 'mnist', partition: { kind: 'iid', clients: 9 }, model: { builtin: 'mlp' },
  training: { learningRate: 0.1, loss: 'huber' }, cohort: { fraction: 0.5 }, stop: { rounds: 1 }, attack: 'sybil',
};
// @ts-expect-error unknown key
export const one: ScenarioInput = { ...good, partitions: 3 };
// @ts-expect-error missing key
export const two: ScenarioInput = { ...good, partition: { kind: 'iid' } };
// @ts-expect-error unknown kind
export const three: ScenarioInput = { ...good, attack: { kind: 'hypnosis' } };
// @ts-expect-error a kind alone that needs more
export const four: ScenarioInput = { ...good, data: 'files' };
// @ts-expect-error no number
export const five: ScenarioInput = { ...good, training: { learningRate: 'small' } };
// @ts-expect-error labels are no promise
export const six: PartitionFunction = async () => [];
// @ts-expect-error half a device model
export const seven: DeviceModel = { availability: () => 1 };
// @ts-expect-error records are read only
(await simulate(good)).records = [];
`;

test('every example of the guide compiles, runs and learns', async () => {
  const guide = await readFile(resolve(root, '../docs/guides/simulation.md'), 'utf8');
  const files = [...guide.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(([, name, code]) => ({ name, code }));
  // Inside the package, so that its name leads to it.
  const folder = await mkdtemp(join(root, 'dist', 'guide-'));
  try {
    for (const { name, code } of files) await writeFile(join(folder, name), code);
    await writeFile(join(folder, 'mistakes.ts'), mistakes);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: compiler }));
    const tsc = resolve(root, '../node_modules/typescript/bin/tsc');
    const { stdout: faults } = await run(process.execPath, [tsc, '--project', folder]).catch(
      (error: { readonly stdout: string }) => error,
    );
    expect(faults).toBe('');
    const examples = files.filter(({ code }) => code.includes('simulate('));
    expect(examples.map(({ name }) => name)).toEqual([
      'strategy.ts',
      'partition.ts',
      'attack.ts',
      'device.ts',
    ]);
    for (const { name } of examples) {
      const { stdout } = await run(process.execPath, [join(folder, name.replace(/ts$/, 'js'))]);
      expect(Number(stdout), name).toBeGreaterThan(0.4);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
