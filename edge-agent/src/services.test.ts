import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from './adapters/system-clock.js';
import { readServices } from './commands/configuration.js';
import { agentMigrations } from './migrations.js';
import { startServices } from './services.js';
import { ownDatabase } from './state/owned-database.js';
import { scalingModel } from './testing/models.js';
import { findMosquitto, startMosquitto } from './testing/mosquitto.js';
import { temporaryFolder } from './testing/small-task.js';

const mosquitto = findMosquitto();

test.skipIf(mosquitto === undefined)(
  'Mosquitto: samples that a sensor publishes become a window, and what the model says of it is published',
  async () => {
    const { url, sensor } = await startMosquitto(mosquitto ?? '');
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'models/motor/4'), { recursive: true });
    await mkdir(join(folder, 'state'));
    await writeFile(join(folder, 'models/motor/4/model.onnx'), scalingModel(2));
    await writeFile(
      join(folder, 'motor.yaml'),
      `features: [{ name: a, dataType: int16, shape: [3], range: [-100, 100] }]
target: { kind: class, name: fault, classes: 2 }
window: { size: 3, stride: 3, samplingHz: 1000 }
`,
    );
    const config = join(folder, 'agent.yaml');
    await writeFile(
      config,
      `state: state
inference:
  models: models
  results: [{ recording: motor, model: motor, topic: "answers/{source}" }]
ingestion:
  broker: { url: "${url}" }
  recordings: { motor: { contract: motor.yaml, mqtt: [{ topic: "hall/{motor}/{axis}", format: csv }] } }
`,
    );
    const configuration = await readServices({ config });
    expect(configuration.inference?.http).toBeUndefined();
    const database = ownDatabase(join(folder, 'state'), agentMigrations);
    const log = { info() {}, warn() {}, error() {} };
    const services = await startServices({
      ...{ ...configuration, stateFolder: configuration.state, database, clock: systemClock(), log },
    });
    onTestFinished(async () => {
      await services.stop();
      await database.close();
    });
    const heard: [string, unknown][] = [];
    sensor.on('message', (topic, payload) => heard.push([topic, JSON.parse(payload.toString())]));
    await sensor.subscribeAsync('answers/#');
    await sensor.publishAsync('hall/m1/x', 'time,a\n10,1\n11,2\n12,3\n', { qos: 1 });
    await vi.waitFor(() => expect(heard).toHaveLength(1), 5000);
    expect(heard[0]).toEqual([
      'answers/m1/x',
      {
        model_name: 'motor',
        model_version: '4',
        id: 'm1/x@10',
        parameters: { recording: 'motor', source: 'm1/x', from: 10, to: 12 },
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], data: [2, 4, 6] }],
      },
    ]);
  },
);
