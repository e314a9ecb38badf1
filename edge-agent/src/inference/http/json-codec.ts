/** Requests and responses of the Open Inference Protocol as JSON, with its binary tensor extension. */
import type { TensorDataType, TensorSpec, TensorValue } from '@starling/engine/serving';
import * as z from 'zod';
import { fromRaw, jsonNumbers, protocolName, rawBytes, toTensorData } from '../data-types.js';
import { InferenceError } from '../errors.js';
import { type InferResponse, wantedOutputs } from '../request.js';
import { beyondJsonLimits } from './json-limits.js';

const parameters = z.record(z.string(), z.unknown()).optional();

const requestSchema = z.object({
  id: z.string().max(256).optional(),
  parameters,
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.number()).max(16),
        datatype: z.string(),
        parameters,
        data: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(256),
  outputs: z
    .array(z.object({ name: z.string(), parameters }))
    .max(256)
    .optional(),
});

export interface DecodedRequest {
  readonly id: string | undefined;
  readonly inputs: readonly TensorValue[];
  /** Names of the outputs that are wanted, each with its form; all where it is undefined. */
  readonly outputs: readonly { readonly name: string; readonly binary: boolean }[] | undefined;
  /** The form of outputs that are not named. */
  readonly binaryOutputs: boolean;
}

/**
 * @param headerBytes the length of the JSON before binary tensors; undefined where there are none
 * @throws InferenceError `inference/invalid-request`
 */
export function decodeRequest(
  body: Buffer,
  headerBytes: number | undefined,
  specs: readonly TensorSpec[],
): DecodedRequest {
  if (headerBytes !== undefined && headerBytes > body.length) {
    throw invalid(
      `Inference-Header-Content-Length says ${headerBytes} bytes of JSON, but the body has ${body.length}.`,
    );
  }
  const json = headerBytes === undefined ? body : body.subarray(0, headerBytes);
  const parsed = requestSchema.safeParse(parseJson(json));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`The request is not valid at ${issue.path.join('.') || 'its root'}: ${issue.message}.`);
  }
  const { id, inputs, outputs, parameters } = parsed.data;
  const binaryOutputs = parameters?.binary_data_output === true;
  let at = json.length;
  const tensors = inputs.map(({ name, shape, datatype, parameters, data }): TensorValue => {
    const place = `the input ${JSON.stringify(name.slice(0, 80))}`;
    const dataType = dataTypeOf(datatype, specs, name);
    const size = parameters?.binary_data_size;
    if (size === undefined) {
      return { name, dataType, shape, data: toTensorData(flatten(data, place), dataType, place) };
    }
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || at + size > body.length) {
      throw invalid(`binary_data_size of ${place} does not fit the ${body.length} bytes of the body.`);
    }
    const bytes = body.subarray(at, at + size);
    at += size;
    return { name, dataType, shape, data: fromRaw(bytes, dataType, place) };
  });
  if (at !== body.length) {
    throw invalid(`The body goes on for ${body.length - at} bytes after the last tensor.`);
  }
  const wanted = outputs?.map(({ name, parameters }) => ({
    name,
    binary: typeof parameters?.binary_data === 'boolean' ? parameters.binary_data : binaryOutputs,
  }));
  return { id, inputs: tensors, outputs: wanted, binaryOutputs };
}

/** V8's own parser: one written for long lists of numbers took 0.8 to 2.8 times as long on 784 of them. */
function parseJson(bytes: Buffer): unknown {
  const beyond = beyondJsonLimits(bytes);
  if (beyond !== undefined) throw invalid(`The JSON has ${beyond}; ask for fewer examples at once.`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new InferenceError('inference/invalid-request', 'The body is not JSON; send one object.', error);
  }
}

/** The tensor type of a protocol name; what the model itself takes is found without a search. */
export function dataTypeOf(datatype: string, specs: readonly TensorSpec[], name: string): TensorDataType {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec !== undefined && protocolName(spec.dataType) === datatype) return spec.dataType;
  throw invalid(
    spec === undefined
      ? `The model has no input ${JSON.stringify(name.slice(0, 80))}; it takes ${specs.map((known) => `"${known.name}"`).join(', ')}.`
      : `The input "${name}" is ${protocolName(spec.dataType)}; convert ${JSON.stringify(datatype.slice(0, 20))} first.`,
  );
}

/** Nested lists, as the protocol allows them, row by row. */
function flatten(data: unknown, place: string): ArrayLike<unknown> {
  if (!Array.isArray(data)) throw invalid(`The data of ${place} is not a list.`);
  if (!data.some((item) => Array.isArray(item))) return data;
  const flat: unknown[] = [];
  const visit = (item: unknown, depth: number): void => {
    if (depth > 16) throw invalid(`The data of ${place} is nested deeper than 16 lists.`);
    if (Array.isArray(item)) for (const inner of item) visit(inner, depth + 1);
    else flat.push(item);
  };
  visit(data, 0);
  return flat;
}

/** None where all are wanted. */
export const outputNames = ({ outputs }: Pick<DecodedRequest, 'outputs'>): readonly string[] =>
  outputs?.map(({ name }) => name) ?? [];

export interface EncodedResponse {
  readonly body: string | Buffer;
  /** Set where binary tensors follow the JSON. */
  readonly headerBytes: number | undefined;
}

/**
 * @param parameters of the whole answer, which the protocol leaves open
 * @throws InferenceError where an output is wanted that the model does not have, or one is wanted twice
 */
export function encodeResponse(
  request: Omit<DecodedRequest, 'inputs'>,
  response: InferResponse,
  parameters?: Readonly<Record<string, string | number>> | undefined,
): EncodedResponse {
  const wanted = wantedOutputs(response.outputs, outputNames(request));
  const raw: Uint8Array[] = [];
  const outputs = wanted.map(({ name, dataType, shape, data }, index) => {
    const binary = request.outputs?.[index]?.binary ?? request.binaryOutputs;
    const head = { name, datatype: protocolName(dataType), shape };
    if (!binary) return { ...head, data: jsonNumbers(data, dataType) };
    raw.push(rawBytes(data));
    return { ...head, parameters: { binary_data_size: data.byteLength } };
  });
  const json = JSON.stringify({
    model_name: response.model,
    model_version: response.version,
    ...(request.id === undefined ? {} : { id: request.id }),
    ...(parameters === undefined ? {} : { parameters }),
    outputs,
  });
  if (raw.length === 0) return { body: json, headerBytes: undefined };
  const head = Buffer.from(json);
  return { body: Buffer.concat([head, ...raw]), headerBytes: head.length };
}

function invalid(message: string): InferenceError {
  return new InferenceError('inference/invalid-request', message);
}
