/** The hall's own broker and the sensors at it: they publish, label late, ask the gateways' models and count. */
import { createServer } from 'node:net';
import type { Clock, Scheduled } from '@starling/federation';
import { Aedes } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import { topicsOf } from './definitions.js';
import {
  axisByAxis,
  burstSize,
  conditionOfBurst,
  lifeAt,
  samplingHz,
  windowSize,
  windowsOfBurst,
} from './plant.js';
import { axes, type Condition, conditions, type Motor, measure } from './vibration.js';

export interface SensorBroker {
  readonly url: string;
  /** Topic filters that somebody has subscribed to since it started. */
  readonly subscribed: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Keeps what is published with QoS 1 for gateways that are off. */
export async function startSensorBroker(): Promise<SensorBroker> {
  const broker = await Aedes.createBroker({ concurrency: 256 });
  const subscribed = new Set<string>();
  broker.on('subscribe', (subscriptions) => {
    for (const { topic } of subscriptions) subscribed.add(topic);
  });
  const server = createServer(broker.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    subscribed,
    async close() {
      await new Promise<void>((resolve) => broker.close(resolve));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** What is known of one motor; the panels show it. */
export interface MotorView {
  readonly motor: Motor;
  readonly gateway: string;
  truth: Condition;
  diagnosis: Condition | undefined;
}

export interface SensorCounts {
  /** Messages of samples, and what they hold. */
  bursts: number;
  samples: number;
  /** Windows that gateways must make of them. */
  windows: number;
  /** Rows that no sensor should send: gateways must refuse exactly these. */
  broken: number;
  labelled: number;
  questions: number;
  answers: number;
  /** Answers that named the motor's condition. */
  right: number;
  /** Answers that were errors. */
  refused: number;
}

export interface Sensors {
  readonly views: readonly MotorView[];
  readonly counts: Readonly<SensorCounts>;
  /** Whether the sensors ask the models about what they measure. */
  ask(isAsking: boolean): void;
  /** Answers of one gateway that were right, of those that came, since the last call. */
  takeScore(gateway: string): { readonly right: number; readonly answers: number };
  /** Sends the labels that are due later, and stops. Settles once the broker has everything. */
  stop(): Promise<void>;
}

/** How many bursts later somebody has looked at the motor and said what was wrong. */
const labelsLateBy = 4;
/** One in so many bursts of a sensor is followed by a row that cannot be: a loose plug. */
const brokenEvery = 10;

export async function startSensors(
  brokerUrl: string,
  gateways: ReadonlyMap<string, readonly Motor[]>,
  clock: Clock,
): Promise<Sensors> {
  const client = await connectAsync(brokerUrl, { protocolVersion: 4, clientId: 'hall-sensors' });
  const counts: SensorCounts = {
    ...{ bursts: 0, samples: 0, windows: 0, broken: 0, labelled: 0 },
    ...{ questions: 0, answers: 0, right: 0, refused: 0 },
  };
  const views = [...gateways].flatMap(([gateway, motors]) =>
    motors.map((motor): MotorView => ({ motor, gateway, truth: 'healthy', diagnosis: undefined })),
  );
  const scores = new Map([...gateways.keys()].map((gateway) => [gateway, { right: 0, answers: 0 }]));
  const published = new Set<Promise<unknown>>();
  const originMs = clock.now();
  let isAsking = false;
  let burst = 0;
  let next: Scheduled | undefined;

  const publish = (topic: string, payload: string | Buffer): void => {
    const done = client.publishAsync(topic, payload, { qos: 1 });
    published.add(done);
    void done.finally(() => published.delete(done));
  };
  await client.subscribeAsync('hall/+/+/diagnosis', { qos: 1 });
  client.on('message', (topic, payload) => {
    const [, gateway, name] = topic.split('/');
    const view = views.find((found) => found.gateway === gateway && found.motor.name === name);
    const score = scores.get(gateway);
    if (view === undefined || score === undefined) return;
    counts.answers += 1;
    const said = readDiagnosis(payload);
    if (said === undefined) {
      counts.refused += 1;
      return;
    }
    view.diagnosis = said;
    score.answers += 1;
    if (said === view.truth) {
      counts.right += 1;
      score.right += 1;
    }
  });

  const timeOf = (number: number): number => originMs + 1000 * lifeAt(number);

  const sendBurst = (view: MotorView): void => {
    const { motor, gateway } = view;
    const topics = topicsOf(gateway, motor.name);
    const samples = measure(motor, lifeAt(burst), burstSize, samplingHz);
    publish(topics.samples, samplesCsv(samples, timeOf(burst)));
    counts.bursts += 1;
    counts.samples += burstSize;
    counts.windows += windowsOfBurst;
    view.truth = conditionOfBurst(motor, burst);
    if (burst % brokenEvery === brokenEvery - 1) {
      publish(topics.samples, `${columns}\n${timeOf(burst) + 300},9999,0,0,0,0,0\n`);
      counts.broken += 1;
    }
    if (isAsking) {
      const question = axisByAxis(samples.subarray(0, 6 * windowSize));
      counts.questions += 1;
      publish(topics.question, Buffer.from(question.buffer));
    }
  };

  const sendLabels = (view: MotorView, of: number): void => {
    if (of < 0) return;
    const label = {
      from: timeOf(of),
      to: timeOf(of) + (1000 * burstSize) / samplingHz,
      condition: conditions.indexOf(conditionOfBurst(view.motor, of)),
    };
    publish(topicsOf(view.gateway, view.motor.name).labels, JSON.stringify(label));
    counts.labelled += windowsOfBurst;
  };

  const tick = (): void => {
    for (const view of views) {
      sendBurst(view);
      sendLabels(view, burst - labelsLateBy);
    }
    burst += 1;
    next = clock.schedule(Math.max(0, timeOf(burst) - clock.now()), tick);
  };
  tick();

  return {
    views,
    counts,
    ask(asks) {
      isAsking = asks;
    },
    takeScore(gateway) {
      const score = scores.get(gateway) ?? { right: 0, answers: 0 };
      scores.set(gateway, { right: 0, answers: 0 });
      return score;
    },
    async stop() {
      next?.cancel();
      for (const view of views) {
        for (let of = burst - labelsLateBy; of < burst; of += 1) sendLabels(view, of);
      }
      await Promise.all(published);
      await closeClient(client);
    },
  };
}

const columns = ['time', ...axes].join(',');

/** Milliseconds since 1970 and six numbers a row. */
function samplesCsv(samples: Float64Array, fromMs: number): string {
  const rows = Array.from({ length: samples.length / 6 }, (_, at) => {
    const values = Array.from(samples.subarray(6 * at, 6 * at + 6), (value) => value.toFixed(4));
    return `${(fromMs + (1000 * at) / samplingHz).toFixed(3)},${values.join(',')}`;
  });
  return `${columns}\n${rows.join('\n')}\n`;
}

/** The class with the greatest score; undefined where the answer is an error. */
function readDiagnosis(payload: Buffer): Condition | undefined {
  const { outputs } = JSON.parse(payload.toString()) as {
    readonly outputs?: readonly { readonly data: readonly number[] }[];
  };
  const scores = outputs?.[0].data;
  return scores === undefined ? undefined : conditions[scores.indexOf(Math.max(...scores))];
}

async function closeClient(client: MqttClient): Promise<void> {
  // Its last answers may be on their way; they are not waited for.
  await client.endAsync();
}
