import { elementCount, readModel, removeUnused, tensor, writeModel } from '../onnx/index.js';
import { PlanError } from './errors.js';
import { localStart } from './local.js';
import type { ParameterEntry, Plan, PlanManifest } from './manifest.js';
import { planFileNames, predictNames, predictParameter, rangesName, trainedRangesKey } from './names.js';

/**
 * The model with its parameters inside, as ONNX that any runtime loads: input `features`
 * `[batch, …featureShape]`, output `output` `[batch, …outputShape]`, both float32.
 * @param parameters `[parameterCount]`, in manifest order; copied into the result
 * @param local what one device keeps to itself, `[local.count]`; what every device started from unless told
 * @param metadata of the file, such as where the model comes from
 * @throws PlanError `plan/options` where the parameters are not as many as the manifest says
 */
export function exportModel(
  plan: Plan,
  parameters: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
  local?: Float32Array,
): Uint8Array {
  const { manifest } = plan;
  if (parameters.length !== manifest.parameterCount) {
    throw new PlanError(
      'plan/options',
      `the plan has ${manifest.parameterCount} parameters, but ${parameters.length} were given; use a checkpoint of the same task`,
    );
  }
  const bytes = plan.files.get(planFileNames.predict);
  if (bytes === undefined) {
    throw new PlanError('plan/tampered', `the plan lacks its file ${planFileNames.predict}; fetch it again`);
  }
  const model = readModel(bytes);
  const own = local ?? localStart(plan);
  if (own?.length !== manifest.local?.count) {
    throw new PlanError(
      'plan/options',
      `a device keeps ${manifest.local?.count ?? 0} numbers of this plan's model to itself, but ${own?.length ?? 0} were given; use those of the same task`,
    );
  }
  const storedOf = (entries: readonly ParameterEntry[], flat: Float32Array) =>
    entries.map(({ name, shape, offset }) => {
      const data = flat.subarray(offset, offset + elementCount(shape));
      return [predictParameter(name), tensor('float32', shape, data)] as const;
    });
  const stored = new Map([
    ...storedOf(manifest.parameters, parameters),
    ...(own === undefined ? [] : storedOf(manifest.local?.parameters ?? [], own)),
  ]);
  const nodes = model.graph.nodes.filter((node) => !node.outputs.some((name) => stored.has(name)));
  const graph = removeUnused({
    ...model.graph,
    inputs: model.graph.inputs.filter(
      ({ name }) => name !== predictNames.parameters && name !== predictNames.local,
    ),
    initializers: new Map([...model.graph.initializers, ...stored]),
    nodes,
  });
  return writeModel({
    ...model,
    graph,
    metadata: { ...model.metadata, ...trained(manifest, parameters), ...metadata },
  });
}

/** What the int8 form of this model needs to know, where it was trained with quantization. */
function trained({ parameters: entries }: PlanManifest, parameters: Float32Array): Record<string, string> {
  const entry = entries.find(({ name }) => name === rangesName);
  if (entry === undefined) return {};
  const values = parameters.subarray(entry.offset, entry.offset + elementCount(entry.shape));
  return { [trainedRangesKey]: JSON.stringify([...values]) };
}
