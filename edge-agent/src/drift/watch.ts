/** Watches each served version that has a `drift.json` beside its model. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../connection/shell.js';
import { InferenceError, type InferenceService } from '../inference/index.js';
import { isMissing } from '../state/atomic-file.js';
import { createDriftMonitor, type DriftAlarm, type DriftMonitor, type DriftSettings } from './monitor.js';

export interface DriftEvent extends DriftAlarm {
  readonly model: string;
  readonly version: string;
}

/**
 * Gives its end. A version is looked up when it first answers: those that take over later are watched too.
 *
 * @param folderOf where a version of a model lies
 */
export function watchDrift(
  service: Pick<InferenceService, 'observe'>,
  folderOf: (model: string, version: string) => string,
  settings: DriftSettings,
  log: Log,
  onEvent: (event: DriftEvent) => void,
): () => void {
  const monitors = new Map<string, DriftMonitor | undefined>();
  const load = async (model: string, version: string, key: string): Promise<void> => {
    const path = join(folderOf(model, version), 'drift.json');
    try {
      const text = await readFile(path, 'utf8');
      // Loaded where there is a reference: a schema's library is a tenth of a waiting agent's memory.
      const { driftReferenceSchema } = await import('./reference-schema.js');
      const parsed = driftReferenceSchema.safeParse(JSON.parse(text));
      if (!parsed.success)
        throw new InferenceError('inference/model-invalid', parsed.error.issues[0].message);
      const monitor = createDriftMonitor(parsed.data, settings, (alarm) =>
        onEvent({ model, version, ...alarm }),
      );
      monitors.set(key, monitor);
    } catch (error) {
      if (!isMissing(error))
        log.warn({ file: path, error: String(error) }, 'A drift reference cannot be read.');
    }
  };
  return service.observe((request, { model, version, outputs }) => {
    const key = `${model}/${version}`;
    if (!monitors.has(key)) {
      monitors.set(key, undefined);
      void load(model, version, key);
      return;
    }
    monitors.get(key)?.observe(request.inputs, outputs);
  });
}
