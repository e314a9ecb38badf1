/** The report of a quantization as a file beside the model: figures only, no example, and no path of where examples lie. */
import type { QuantizeReport } from '@starling/engine';
import * as z from 'zod';

const schema = z.object({
  modelSha256: z.string().regex(/^[0-9a-f]{64}$/),
  method: z.string(),
  sizeRatio: z.number(),
  qualityDrop: z.number(),
});

/** What a release says of it. */
export type QuantizeSummary = Readonly<z.infer<typeof schema>>;

/** `pump.int8.onnx` → `pump.int8.report.json`. */
export function reportPathOf(modelPath: string): string {
  return `${modelPath.replace(/\.onnx$/, '')}.report.json`;
}

export function formatReport(modelSha256: string, report: QuantizeReport): Uint8Array {
  return Buffer.from(`${JSON.stringify({ modelSha256, ...report }, undefined, 2)}\n`);
}

/** Undefined where it is none. */
export function readReport(bytes: Uint8Array): QuantizeSummary | undefined {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return undefined;
  }
}
