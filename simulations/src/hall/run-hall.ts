/**
 * `starling-sim hall`: a machine hall on this machine. Its motors are simulated (`vibration.ts`); everything else is what
 * a plant would run: a broker for the sensors, a coordinator, and gateways that are `starling-agent` processes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { delay } from '@starling/federation';
import { makeNamedFolder } from '../adapters/index.js';
import { printLine, type Terminal } from '../commands/terminal.js';
import { checkAlive, until } from './gateways.js';
import { type End, openHall, phase, secondsOf, statuses, sum } from './hall.js';
import { count, delivered, outageOf } from './losses.js';
import { checkHallOptions, type HallOptions } from './options.js';
import { badRelease, deliver } from './releases.js';
import { type HallResult, hallTable } from './report.js';
import { quantize, train } from './training.js';

/** Whatever happens, its processes are gone and its temporary folder is removed afterwards. */
export async function runHall(options: HallOptions, terminal: Terminal): Promise<HallResult> {
  checkHallOptions(options);
  const { clock, signal } = terminal;
  const startMs = clock.monotonic();
  const folder = await makeFolder(options.folder);
  const ends: End[] = [];
  if (options.folder === undefined) ends.push(() => rm(folder, { recursive: true, force: true }));
  try {
    const hall = await openHall(options, terminal, folder, ends);
    const { sensors, panels } = hall;
    const names = hall.gateways.map(({ name }) => name);

    phase(hall, 'recording: sensors publish, gateways make windows, labels come late');
    await delay(clock, secondsOf(options).record * 1000, signal);
    checkAlive(hall.gateways);
    await until(
      'labelled examples at every gateway',
      async () =>
        (await statuses(hall)).every((found) => sum(found.examples, (task) => task.labelled) > 0)
          ? true
          : undefined,
      terminal,
      30_000,
    );

    const trained = await train(hall);
    const int8 = await quantize(hall, trained.runId);
    await deliver(hall, int8.path, int8.report.accuracyInt8);

    phase(hall, 'inference: motors ask their gateway’s model over MQTT');
    sensors.ask(true);
    await delay(clock, secondsOf(options).ask * 1000, signal);
    const outage = await outageOf(hall);
    const worthless = await badRelease(hall);

    phase(hall, 'closing: what waited is delivered, and everything is counted');
    sensors.ask(false);
    await delivered(hall, outage.writtenAtReturn);
    panels.tell('what waited at the gateways is with the coordinator');
    await sensors.stop();
    const counted = await count(hall);
    panels.close();
    const { counts } = sensors;
    const result: HallResult = {
      gateways: names.length,
      motors: sensors.views.length,
      seconds: Math.round(clock.monotonic() - startMs) / 1000,
      seed: options.seed,
      ...counted,
      training: { rounds: options.rounds, secureAggregation: true, accuracy: trained.accuracy },
      int8: int8.report,
      inference: {
        questions: counts.questions,
        answers: counts.answers,
        rightShare: counts.answers === 0 ? 0 : counts.right / counts.answers,
      },
      outage: outage.told,
      badRelease: worthless,
      nothingLost:
        counted.telemetry.held + counted.telemetry.waiting === counted.telemetry.written &&
        counted.examples.windowsStored === counted.examples.windowsPublished &&
        counted.examples.rowsQuarantined === counted.examples.brokenRowsPublished &&
        counts.answers === counts.questions,
      folder: options.folder === undefined ? null : folder,
    };
    printLine(terminal, options.json ? JSON.stringify(result) : hallTable(result));
    return result;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function makeFolder(named: string | undefined): Promise<string> {
  if (named === undefined) return mkdtemp(join(tmpdir(), 'starling-hall-'));
  const folder = resolve(named);
  await makeNamedFolder(folder, '--folder');
  return folder;
}
