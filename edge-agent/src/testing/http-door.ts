/** The HTTP door of an inference service that doubles its input, for a test. */
import { onTestFinished } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import { type HttpDoorOptions, openHttpDoor } from '../inference/http/server.js';
import {
  createInferenceService,
  defaultInferenceSettings,
  type InferenceSettings,
} from '../inference/service.js';
import { scalingModel } from './models.js';

/** The model `scale`, version 3, at a port of its own; what went wrong within is kept in `internal`. */
export async function testHttpDoor(
  settings: Partial<InferenceSettings> = {},
  options: Partial<HttpDoorOptions> = {},
) {
  const service = createInferenceService(systemClock(), { ...defaultInferenceSettings, ...settings });
  await service.load('scale', '3', scalingModel(2));
  service.activate('scale', '3');
  const internal: unknown[] = [];
  const opened = await openHttpDoor(service, {
    host: '127.0.0.1',
    port: 0,
    clock: systemClock(),
    onInternalError: (error) => internal.push(error),
    ...options,
  });
  onTestFinished(async () => {
    await opened.close();
    await service.close();
  });
  const url = `http://${opened.address}`;
  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    path = '/v2/models/scale/infer',
    headers: Record<string, string> = {},
  ) => fetch(`${url}${path}`, { method: 'POST', body, headers });
  return { url, post, internal, service };
}

/** The only tensor of a sound question, of two rows. */
export const soundInput = { name: 'x', shape: [2, 3], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6] };

/** An answer of the door, read. */
export const readAnswer = async (
  response: Response,
): Promise<{ error?: string; model_name?: string; model_stats?: unknown }> =>
  JSON.parse(await response.text());
