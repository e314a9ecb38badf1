import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What crosses packages begins first, and of it what kills processes and waits for them: nothing waits for it at the end. Nor
 * does a file of one project stand between two of the other, for whose sake a process would end and its modules be read again.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      if (project.name !== 'whole') return 2;
      return /\/test\/(faults|end-to-end|docs)\//.test(moduleId) ? 0 : 1;
    };
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => rank(one) - rank(other));
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
        // Beside their sources. Files share processes, and so what they import: reading it again for each took longer than
        // the tests.
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
        // What crosses packages starts processes and waits for them; each ends with its test.
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude,
          isolate: false,
          setupFiles,
          ...limits,
        },
      },
    ],
  },
});
