/** The configuration file's keys: one schema, from which the published JSON Schema is made too. */
import * as z from 'zod';
import { AgentError } from '../errors.js';
import { payloadFormats } from '../examples/payload-formats.js';
import { parseAnswerTopic } from '../inference/mqtt/answer-topic.js';
import { questionFormats } from '../inference/mqtt/question-formats.js';
import { parseResultTopic } from '../inference/mqtt/result-topic.js';
import { parseTopicTemplate } from '../sensor-broker/topic-template.js';
import { priorities } from '../telemetry/streams.js';

const positive = z.int().min(1);
const milliseconds = z.number().min(0).max(60_000);
const address = z
  .string()
  .regex(
    /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):0*(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/,
    'write host:port, such as 127.0.0.1:8080, with a port up to 65535',
  );

/** A text that `parse` takes; what it says otherwise is told with the key. */
const parsedBy = (parse: (text: string) => unknown) =>
  z.string().superRefine((text, context) => {
    const message = faultOf(() => parse(text));
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

function faultOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof AgentError) return error.message.replace(/\.$/, '');
    throw error;
  }
}

function isBrokerUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ['mqtt:', 'mqtts:'].includes(url.protocol) && url.hostname !== '';
}

const brokerSection = z
  .strictObject({
    url: z
      .string()
      .refine(isBrokerUrl, 'write mqtt://host:port, or mqtts://host:port for TLS')
      .describe('mqtt://host:port or mqtts://host:port'),
    username: z.string().optional(),
    passwordFile: z.string().optional(),
  })
  .describe('The broker of the sensors.');

const questionsSection = z
  .array(
    z
      .strictObject({
        topic: parsedBy(parseTopicTemplate).describe('plant/{machine}/ask: where questions are published.'),
        model: z.string(),
        format: z.enum(questionFormats).default('json'),
        answer: z.string().describe('plant/{machine}/answer: where the answers go.'),
      })
      .superRefine(({ topic, answer }, context) => {
        const message = faultOf(() => parseAnswerTopic(answer, topic));
        if (message !== undefined) context.addIssue({ code: 'custom', path: ['answer'], message });
      }),
  )
  .max(256);

const resultsSection = z
  .array(
    z.strictObject({
      recording: z.string().describe('Whose examples are given to the model, as "ingestion" names it.'),
      model: z.string(),
      topic: parsedBy(parseResultTopic).describe(
        'plant/{source}/result: where results go; the name of the sensor stands for {source}.',
      ),
      qos: z.union([z.literal(0), z.literal(1)]).default(0),
    }),
  )
  .max(256);

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
    mqtt: questionsSection.optional().describe('Questions that come from the broker of the sensors.'),
    results: resultsSection
      .optional()
      .describe('What models say of recorded examples, published to the broker of the sensors.'),
    broker: brokerSection
      .optional()
      .describe('For "mqtt" and "results"; the one of "ingestion" unless told.'),
  })
  .describe('Serving of models through the Open Inference Protocol.');

const recordingsSection = z
  .record(
    z.string(),
    z.strictObject({
      contract: z.string().describe('YAML file: features, target, windows, labels, retention.'),
      mqtt: z
        .array(
          z.strictObject({
            topic: parsedBy(parseTopicTemplate).describe(
              'plant/{machine}/vibration: the variables name the sensor.',
            ),
            format: z.enum(payloadFormats),
            carries: z.enum(['examples', 'labels']).optional(),
          }),
        )
        .max(256)
        .optional(),
      files: z.string().optional().describe('Folder whose files are taken.'),
    }),
  )
  .describe('From task to how its examples are recorded here.');

const ingestionSection = z
  .strictObject({
    broker: brokerSection.optional(),
    http: address.optional().describe('Where examples are taken over HTTP, host:port.'),
    recordings: recordingsSection,
  })
  .describe('Recording of examples on this device.');

const conditionsSection = z
  .strictObject({
    power: z.enum(['mains', 'any']).optional().describe('Train on mains only, or also on battery.'),
    batteryPercentMin: z.number().min(0).max(100).optional(),
    temperatureCelsiusMax: z.number().optional(),
    loadPerCoreMax: z.number().positive().optional(),
    metered: z.enum(['allowed', 'never']).optional(),
    meteredInterfaces: z.array(z.string()).optional().describe('Besides modems, such as eth1.'),
    hours: z
      .array(
        z
          .string()
          .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'write for instance 22:00-06:00')
          // It would never hold, where all day is meant.
          .refine(
            (span) => span.slice(0, 5) !== span.slice(6),
            'a span ends when it begins; for all day, leave "hours" out',
          ),
      )
      .optional()
      .describe('Local hours in which training may run; all unless told.'),
    inferenceP99MsMax: z
      .number()
      .positive()
      .optional()
      .describe('Slower than this, and training stands still.'),
  })
  .describe('When this device may train.');

const trainingSection = z
  .strictObject({
    niceness: z.int().min(0).max(19).optional(),
    memoryMegabytesMax: positive.min(64).optional(),
  })
  .describe('Training in a process of its own.');

const driftSection = z
  .strictObject({
    rows: positive.min(20).optional().describe('Rows of one comparison.'),
    stabilityIndexMin: z.number().positive().optional(),
    repeats: positive.optional().describe('Comparisons in a row that must find a shift.'),
  })
  .describe('When a shift of inputs or scores against the model’s drift.json is an alarm.');

const releasesSection = z
  .strictObject({
    root: z
      .string()
      .optional()
      .describe('File of the root that releases must follow from; the fleet’s first one unless told.'),
    reportSecondsMax: z
      .number()
      .min(0.1)
      .max(86_400)
      .optional()
      .describe('Longest time between two questions for what this device should run.'),
    checkSecondsMax: z
      .number()
      .min(1)
      .max(86_400)
      .optional()
      .describe('Longest that the health check of a release may take.'),
    checkMegabytesMax: positive
      .min(64)
      .optional()
      .describe('Most memory of the process in which a release is checked.'),
  })
  .describe('Taking over of signed releases; needs "inference".');

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
    memoryMegabytes: positive.optional().describe('Most megabytes that training may be expected to hold.'),
    policy: z.string().optional().describe('YAML file with what this device demands of rounds.'),
    telemetry: z.union([z.boolean(), telemetrySection]).optional(),
    logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional().describe('Least level to log.'),
    inference: inferenceSection.optional(),
    ingestion: ingestionSection.optional(),
    conditions: conditionsSection.optional(),
    training: trainingSection.optional(),
    drift: driftSection.optional(),
    releases: z
      .union([z.boolean(), releasesSection])
      .optional()
      .describe('On where there is "inference" unless told.'),
  })
  .describe('Configuration of starling-agent; paths are meant from where the file lies.');

export type Configuration = Readonly<z.infer<typeof configurationSchema>>;
