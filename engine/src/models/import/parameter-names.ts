/** What the names of a file's tensors say of them. */
import type { Model } from '../../onnx/index.js';

/**
 * `parameter`: the exporter says so, or PyTorch's exporter wrote a name that it did not make up. `named`: another program wrote
 * it, and may mean a constant. `made-up`: an intermediate value of an exporter. `buffer`: what the model stores and does not train.
 */
export type NameKind = 'parameter' | 'named' | 'made-up' | 'buffer';

/** Where `torch.onnx.export(..., dynamo=True)` lists what the program takes: lines such as `b_pe: BUFFER target='pe' persistent=True`. */
export const signatureKey = 'pkg.torch.export.ExportedProgram.graph_signature';

/** The parameters that the exporter lists; none where it lists nothing. */
export function listedParameters(metadata: Model['metadata']): readonly string[] {
  const signature = metadata[signatureKey] ?? '';
  return [...signature.matchAll(/^\S+: PARAMETER target='([^']+)'/gm)].map(([, target]) => target);
}

export function kindsOfNames({
  graph,
  metadata,
}: Pick<Model, 'graph' | 'metadata'>): (name: string) => NameKind {
  const signature = metadata[signatureKey];
  if (signature !== undefined) {
    const listed = new Map<string, NameKind>();
    for (const [, kind, target] of signature.matchAll(/^\S+: (PARAMETER|BUFFER) target='([^']+)'/gm)) {
      listed.set(target, kind === 'PARAMETER' ? 'parameter' : 'buffer');
    }
    // What it computed of parameters ahead has names of its own.
    return (name) => listed.get(name) ?? 'made-up';
  }
  const isOfPyTorch = [...graph.initializers.keys()].some((name) =>
    /^onnx::|(^|[._])(weight|bias)$/.test(name),
  );
  return (name) => {
    if (madeUp.test(name)) return 'made-up';
    return isOfPyTorch && !/[:/]/.test(name) ? 'parameter' : 'named';
  };
}

/** Of `/encoder/layers.0/linear1/MatMul`, as TorchScript's exporter names nodes, `encoder.layers.0.linear1`; a Sequential's parts repeat its name. */
export function modulePath(node: string): string | undefined {
  const steps = node.split('/').slice(1, -1);
  if (steps.length === 0) return undefined;
  return steps.filter((step, i) => !steps[i + 1]?.startsWith(`${step}.`)).join('.');
}

const madeUp =
  /^(val_\d|onnx::|_val|\/|ones|scalar|constant|lifted_tensor|c_lifted|_lifted|_to_copy)|(_cast|^clone)(_\d+)?$/;
