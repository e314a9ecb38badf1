import { requireField } from '@starling/proto';
import type { Remote } from './connection.js';
import { downloadArtifact } from './download.js';
import { checkOutput } from './output-file.js';
import type { Terminal } from './terminal.js';

export interface ExportedModel {
  readonly path: string;
  /** Number of committed rounds of the exported checkpoint. */
  readonly round: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Writes a checkpoint of the run as an ONNX file. `round` 0 means the newest. */
export async function exportModelTo(
  remote: Remote,
  run: { readonly runId: string; readonly round: number },
  target: { readonly path: string; readonly overwrite: boolean },
  terminal: Terminal,
): Promise<ExportedModel> {
  const { path } = target;
  await checkOutput(path, target.overwrite);
  const { signal } = terminal;
  const { model, round } = await remote.operations.exportModel(run, { signal });
  const artifact = requireField(model, 'ExportModelResponse.model');
  await downloadArtifact(remote, artifact, path, terminal);
  return { path, round, sha256: Buffer.from(artifact.sha256).toString('hex'), sizeBytes: artifact.sizeBytes };
}
