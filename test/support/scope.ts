/** Whatever is opened in a scope is closed with it, the newest first. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scope {
  onClose(cleanUp: () => Promise<unknown> | unknown): void;
  close(): Promise<void>;
}

export function createScope(): Scope {
  const cleanUps: (() => Promise<unknown> | unknown)[] = [];
  return {
    onClose: (cleanUp) => {
      cleanUps.push(cleanUp);
    },
    async close() {
      const failures: unknown[] = [];
      for (const cleanUp of cleanUps.splice(0).reverse()) {
        try {
          await cleanUp();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'cleaning up failed');
    },
  };
}

export async function temporaryFolder(scope: Scope, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `starling-${name}-`));
  scope.onClose(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
