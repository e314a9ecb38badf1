/** The configuration file's keys: one schema, from which the published JSON Schema is made too. */
import * as z from 'zod';
import { priorities } from '../telemetry/streams.js';

const positive = z.int().min(1);
const milliseconds = z.number().min(0).max(60_000);
const address = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'write host:port, such as 127.0.0.1:8080');

export const inferenceSection = z
  .strictObject({
    models: z.string().describe('Folder with NAME/VERSION/model.onnx.'),
    http: address.optional().describe('Where HTTP is answered, host:port; nowhere unless told.'),
    grpc: address.optional().describe('Where gRPC is answered, host:port; nowhere unless told.'),
    threads: positive.max(256).optional().describe('Threads inside one operator; 1 unless told.'),
    batchRowsMax: positive.max(4096).optional().describe('Most examples of one run; 1 turns batching off.'),
    batchRunMsMax: milliseconds.optional().describe('Longest that a run of many may take.'),
    batchWaitMsMax: milliseconds.optional().describe('How long a request may wait for others to join it.'),
    queueMax: positive.max(1_000_000).optional().describe('Most requests that wait for one model.'),
    bodyMegabytesMax: positive.max(1024).optional().describe('Largest request.'),
  })
  .describe('Serving of models through the Open Inference Protocol.');

const telemetrySection = z
  .strictObject({
    budgetMegabytes: z.number().min(0.1).optional().describe('Most megabytes that wait on this device.'),
    bytesPerSecond: positive.min(1024).optional().describe('Most bytes a second to the coordinator.'),
    metricsSeconds: positive.optional().describe('Seconds from one reading of the metrics to the next.'),
    streams: z
      .array(
        z.strictObject({
          name: z.string(),
          priority: z.enum(priorities).default('normal'),
          keepHours: z.number().positive().optional(),
        }),
      )
      .optional(),
  })
  .describe('What this device tells of itself.');

export const configurationSchema = z
  .strictObject({
    coordinator: z.string().optional().describe('Address of the coordinator, host:port.'),
    state: z.string().optional().describe('State directory.'),
    examples: z.record(z.string(), z.string()).optional().describe('From task to its folder of examples.'),
    deviceId: z.string().optional().describe('Name of this device, chosen at its first start.'),
    token: z.string().optional().describe('Enrols the device where it is not yet.'),
    ownerKey: z.string().optional().describe('The only owner whose plans are obeyed.'),
    threads: positive.max(256).optional().describe('Threads to train with.'),
    cacheMegabytes: positive.optional().describe('Most megabytes of plans and checkpoints to keep.'),
    policy: z.string().optional().describe('YAML file with what this device demands of rounds.'),
    telemetry: z.union([z.boolean(), telemetrySection]).optional(),
    logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional().describe('Least level to log.'),
    inference: inferenceSection.optional(),
  })
  .describe('Configuration of starling-agent; paths are meant from where the file lies.');

export type Configuration = Readonly<z.infer<typeof configurationSchema>>;
