/**
 * Models over MQTT: a sensor publishes a question, and whoever subscribes gets the answer. Where the question names a
 * response topic, the answer goes there with its correlation data (MQTT 5, section 4.10); everywhere else it goes to
 * the topic that the configuration makes of the question's.
 */
import type { TensorSpec } from '@starling/engine/serving';
import type { IPublishPacket, MqttClient } from 'mqtt';
import type { Log } from '../../connection/shell.js';
import {
  type BrokerSettings,
  isFor,
  openBrokerClient,
  parseTopicTemplate,
} from '../../sensor-broker/index.js';
import { callersFault } from '../callers-fault.js';
import { InferenceError } from '../errors.js';
import { type DecodedRequest, decodeRequest, encodeResponse, outputNames } from '../http/json-codec.js';
import { wantedOutputs } from '../request.js';
import type { InferenceService } from '../service.js';
import { type AnswerTopic, parseAnswerTopic } from './answer-topic.js';
import type { QuestionFormat } from './question-formats.js';

export interface MqttQuestions {
  /** `hall/{motor}/ask`: where questions are published. */
  readonly topic: string;
  readonly model: string;
  /** A request of the Open Inference Protocol, or little-endian float32 of the model's only input. */
  readonly format: QuestionFormat;
  /** `hall/{motor}/diagnosis`: where answers go whose question names no response topic. */
  readonly answer: string;
}

export interface MqttDoorOptions {
  readonly broker: BrokerSettings;
  readonly clientId: string;
  readonly questions: readonly MqttQuestions[];
  readonly log: Log;
}

export interface MqttDoor {
  /** Answers what has arrived. */
  close(): Promise<void>;
}

/** Questions that are answered at once; the broker keeps the others until some are done. */
const answeringMax = 128;
/** Longest question, in bytes. */
const questionBytesMax = 8 << 20;

interface Route extends MqttQuestions {
  readonly filter: string;
  match(topic: string): string | undefined;
  readonly answerTo: AnswerTopic;
}

/** @throws AgentError `agent/configuration` where a topic is none */
export async function openMqttDoor(service: InferenceService, options: MqttDoorOptions): Promise<MqttDoor> {
  const { broker, clientId, log } = options;
  const templates = options.questions.map(({ topic }) => parseTopicTemplate(topic));
  const routes = options.questions.map(
    (questions, index): Route => ({
      ...questions,
      ...templates[index],
      answerTo: parseAnswerTopic(questions.answer, questions.topic),
    }),
  );
  const isQuestion = (topic: string): boolean => routes.some(({ match }) => match(topic) !== undefined);
  const answering = new Set<Promise<void>>();

  const take = (client: MqttClient, packet: IPublishPacket): void => {
    // Kept by the broker from before this subscription: it would be answered at each start and each connection.
    if (packet.retain) return;
    for (const route of routes) {
      if (route.match(packet.topic) === undefined || !isFor(route.filter, packet)) continue;
      const topic = answerTopicOf(route, packet, isQuestion);
      // An answer that would be a question again is given to nobody.
      if (topic === undefined) continue;
      const done = answer(service, route, packet, log).then((payload) => {
        const { correlationData } = packet.properties ?? {};
        const qos = packet.qos === 0 ? 0 : 1;
        if (!client.connected && qos === 0) return;
        client.publish(topic, payload, {
          qos,
          ...(correlationData === undefined ? {} : { properties: { correlationData } }),
        });
      });
      answering.add(done);
      void done.finally(() => answering.delete(done));
    }
  };

  const client = await openBrokerClient({
    ...broker,
    clientId,
    // Who asked before this device was back has stopped waiting.
    keepSessionSeconds: undefined,
    receiveMaximum: answeringMax,
    messageBytesMax: questionBytesMax,
    filters: [...new Set(templates.map(({ filter }) => filter))],
    log,
    prepare(client) {
      client.handleMessage = (packet, callback) => {
        take(client, packet);
        if (answering.size < answeringMax) callback();
        else void Promise.race(answering).then(() => callback());
      };
    },
  });
  return {
    async close() {
      client.unsubscribe(templates.map(({ filter }) => filter));
      await Promise.all(answering);
      await client.endAsync();
    },
  };
}

function answerTopicOf(
  route: Route,
  { topic, properties }: IPublishPacket,
  isQuestion: (topic: string) => boolean,
): string | undefined {
  const named = properties?.responseTopic;
  // It comes from outside: where it is no topic that can be published to, the configured one stands.
  const usable = named !== undefined && named.length <= 1024 && !/[+#\0]/.test(named) && named !== '';
  const chosen = usable && !named.startsWith('$') ? named : route.answerTo(topic);
  return chosen === undefined || isQuestion(chosen) ? undefined : chosen;
}

/** Never throws: what is wrong with a question is its answer. */
async function answer(
  service: InferenceService,
  { model, format }: MqttQuestions,
  { payload }: IPublishPacket,
  log: Log,
): Promise<string> {
  try {
    const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (body.length > questionBytesMax) {
      throw new InferenceError('inference/too-large', `A question has at most ${questionBytesMax} bytes.`);
    }
    const { inputs, outputs } = service.describe(model);
    const request = format === 'json' ? decodeRequest(body, undefined, inputs) : readFloats(body, inputs);
    wantedOutputs(outputs, outputNames(request));
    const response = await service.infer({ model, inputs: request.inputs });
    return String(
      encodeResponse({ ...request, outputs: jsonOf(request), binaryOutputs: false }, response).body,
    );
  } catch (error) {
    const known = callersFault(error);
    if (known === undefined) log.error({ error: String(error) }, 'A question failed here.');
    const { code, message } = known ?? { code: 'inference/internal', message: 'This failed here.' };
    return JSON.stringify({ error: `${code}: ${message}` });
  }
}

/** A message has one payload: no binary tensors behind it. */
function jsonOf({ outputs }: DecodedRequest): DecodedRequest['outputs'] {
  return outputs?.map(({ name }) => ({ name, binary: false }));
}

/** Whole examples of the only input, one after the other. @throws InferenceError `inference/invalid-request` */
function readFloats(body: Uint8Array, specs: readonly TensorSpec[]): DecodedRequest {
  const [spec] = specs;
  if (specs.length !== 1 || spec.dataType !== 'float32') {
    throw invalid('The model takes more than one list of floats; ask it with "format: json".');
  }
  const width = spec.shape.slice(1).reduce((product, size) => product * size, 1);
  if (!(width > 0) || body.byteLength === 0 || body.byteLength % (4 * width) !== 0) {
    throw invalid(
      `The model takes ${width} little-endian float32 for each example, not ${body.byteLength} bytes.`,
    );
  }
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const data = Float32Array.from({ length: body.byteLength / 4 }, (_, at) => view.getFloat32(4 * at, true));
  const shape = [data.length / width, ...spec.shape.slice(1)];
  const inputs = [{ name: spec.name, dataType: 'float32', shape, data }] as const;
  return { id: undefined, inputs, outputs: undefined, binaryOutputs: false };
}

function invalid(message: string): InferenceError {
  return new InferenceError('inference/invalid-request', message);
}
