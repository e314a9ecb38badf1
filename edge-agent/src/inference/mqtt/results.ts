/**
 * What models say of the examples that this device records, published without being asked: a sensor, or whatever acts on
 * it, subscribes to the topic of its results. Results come after their example is durable, in its order.
 */
import { featureElements } from '@starling/engine/examples';
import type { Clock } from '@starling/federation';
import type { Log } from '../../connection/shell.js';
import { newestQueue } from '../../examples/newest.js';
import { modelRow } from '../../examples/packing.js';
import { type ExampleFollower, exampleBytes } from '../../examples/recorder.js';
import type { Recording } from '../../examples/recording.js';
import type { NewExample } from '../../examples/store.js';
import { type BrokerSettings, openBrokerClient, parseTopicTemplate } from '../../sensor-broker/index.js';
import { encodeResponse } from '../http/json-codec.js';
import type { InferenceService } from '../service.js';
import { parseResultTopic, type ResultTopic } from './result-topic.js';

export interface ResultsConfiguration {
  /** Whose examples are given to the model. */
  readonly recording: string;
  readonly model: string;
  /** `hall/{source}/result`, with the name of the sensor in it. */
  readonly topic: string;
  readonly qos: 0 | 1;
}

export interface ResultsOptions {
  readonly broker: BrokerSettings;
  readonly clientId: string;
  readonly results: readonly ResultsConfiguration[];
  /** Topics that this device takes examples, labels and questions from: no result goes there. */
  readonly taken: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

export interface Results {
  readonly follower: ExampleFollower;
  /** Publishes what waits where the broker is there, within two seconds. */
  close(): Promise<void>;
}

/** Examples that wait while models or the broker are slow, or the broker is gone: the newest. */
const waitingMax = 256;
const waitingBytesMax = 16 << 20;
/** Examples that are asked at once: they share runs. */
const togetherMax = 16;
const closeMsMax = 2_000;
const tellEveryMs = 60_000;

interface Route extends ResultsConfiguration {
  readonly topicOf: ResultTopic;
}

interface Waiting {
  readonly route: Route;
  readonly recording: Recording;
  readonly example: NewExample;
}

/** @throws AgentError `agent/configuration` where a topic is none */
export async function openResults(
  service: Pick<InferenceService, 'describe' | 'isReady' | 'infer'>,
  options: ResultsOptions,
): Promise<Results> {
  const { clock, log } = options;
  const routes = options.results.map((one): Route => ({ ...one, topicOf: parseResultTopic(one.topic) }));
  const taken = options.taken.map(parseTopicTemplate);
  const queue = newestQueue<Waiting>({
    countMax: waitingMax,
    bytesMax: waitingBytesMax,
    bytesOf: ({ example }) => exampleBytes(example),
  });
  const missed = createMissed(clock, log);
  const client = await openBrokerClient({
    ...options.broker,
    clientId: options.clientId,
    keepSessionSeconds: undefined,
    receiveMaximum: 1,
    messageBytesMax: 1 << 16,
    filters: [],
    log,
    prepare() {},
  });
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isClosing = false;

  const topicOf = ({ route, example }: Waiting): string | undefined => {
    const topic = route.topicOf(example.source);
    return topic === undefined || taken.some(({ match }) => match(topic) !== undefined) ? undefined : topic;
  };

  const publishAll = async (batch: readonly Waiting[]): Promise<void> => {
    const answers = await Promise.all(batch.map((one) => answer(service, one)));
    const sent = answers.map(async (text, index) => {
      const topic = topicOf(batch[index]);
      if (topic === undefined) return missed.count('withoutTopic');
      if (text === undefined) return missed.count('unanswered');
      // The broker says no, or this ends.
      await client
        .publishAsync(topic, text, { qos: batch[index].route.qos })
        .catch(() => missed.count('unpublished'));
    });
    await Promise.all(sent);
  };

  const connected = (): Promise<void> =>
    new Promise((resolve) => {
      client.once('connect', () => resolve());
    });

  let pumping: Promise<void> | undefined;
  const pump = async (): Promise<void> => {
    while (queue.size > 0) {
      // What waits stays bounded here; MQTT.js would keep all of it.
      if (!client.connected) {
        if (isClosing) return;
        await Promise.race([connected(), ended]);
        continue;
      }
      await Promise.race([publishAll(queue.take(togetherMax)), ended]);
    }
  };

  return {
    follower(recording, examples, passedOver) {
      const followed = routes.filter((route) => route.recording === recording.task);
      if (followed.length === 0 || isClosing) return;
      for (const example of examples) {
        for (const route of followed) {
          if (fits(service, route, recording)) queue.push({ route, recording, example });
          else missed.count('withoutModel');
        }
      }
      missed.count('passedOver', passedOver + queue.takeDropped());
      pumping ??= pump().finally(() => {
        pumping = undefined;
      });
    },
    async close() {
      isClosing = true;
      const late = clock.schedule(closeMsMax, end);
      if (!client.connected) end();
      await pumping;
      late.cancel();
      end();
      await client.endAsync(!client.connected || queue.size > 0);
    },
  };
}

/** Whether the model that serves takes what is recorded: one input, of as many float32 as an example has. */
function fits(
  service: Pick<InferenceService, 'describe' | 'isReady'>,
  { model }: Route,
  { contract }: Recording,
): boolean {
  if (!service.isReady(model)) return false;
  const { inputs } = service.describe(model);
  const elements = inputs[0]?.shape.slice(1).reduce((product, size) => product * size, 1);
  return inputs.length === 1 && inputs[0].dataType === 'float32' && elements === featureElements(contract);
}

/** Undefined where the model gives none: it is overloaded, or another took over that takes something else. */
async function answer(
  service: Pick<InferenceService, 'describe' | 'infer'>,
  { route: { model }, recording, example }: Waiting,
): Promise<string | undefined> {
  try {
    const [{ name, shape }] = service.describe(model).inputs;
    const data = modelRow(recording.contract, example.values);
    const input = { name, dataType: 'float32', shape: [1, ...shape.slice(1)], data } as const;
    const response = await service.infer({ model, inputs: [input] });
    const { id, source, fromMs, toMs } = example;
    const parameters = { recording: recording.task, source, from: fromMs, to: toMs };
    const plain = { id, outputs: undefined, binaryOutputs: false };
    return String(encodeResponse(plain, response, parameters).body);
  } catch {
    return undefined;
  }
}

type Reason = 'passedOver' | 'withoutModel' | 'withoutTopic' | 'unanswered' | 'unpublished';

/** Says how many examples had no result published, and why; once a minute, for it may be each of them. */
function createMissed(clock: Clock, log: Log) {
  let counts: Partial<Record<Reason, number>> = {};
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return {
    count(reason: Reason, many = 1): void {
      if (many === 0) return;
      counts[reason] = (counts[reason] ?? 0) + many;
      if (clock.monotonic() - toldAtMs < tellEveryMs) return;
      toldAtMs = clock.monotonic();
      log.warn(counts, 'Examples have no result published; this counts them since it was said last.');
      counts = {};
    },
  };
}
