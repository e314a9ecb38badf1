import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What kills processes and waits for them takes longest: it begins first, so that nothing waits for it at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      /\/test\/(faults|end-to-end|docs)\//.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const exclude = ['**/node_modules/**', '**/dist/**', '**/bundle/**'];
const limits = { testTimeout: 60_000, hookTimeout: 60_000 };
const setupFiles = ['test/support/property-seed.ts'];

export default defineConfig({
  test: {
    // Native addons (SQLite, ONNX Runtime) are safest in processes of their own.
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        // Beside their sources. They share a process, and so what they import: reading it again for each file took longer
        // than the tests.
        test: {
          name: 'unit',
          include: ['*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude,
          isolate: false,
          setupFiles,
          ...limits,
        },
      },
      {
        // What crosses packages starts processes and waits for them.
        test: { name: 'whole', include: ['test/**/*.test.ts'], exclude, setupFiles, ...limits },
      },
    ],
  },
});
