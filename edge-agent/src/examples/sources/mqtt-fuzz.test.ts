/** Whatever sensors publish at a real broker: it is stored, or counted with its reason, and good rows in between all come in. */
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { hostilePayload } from '../../testing/hostile-payloads.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { findMosquitto, startMosquitto } from '../../testing/mosquitto.js';
import { hostileTarget, refusedRows, testRecorder } from '../../testing/recorder.js';
import { payloadFormats } from '../payload-formats.js';
import type { Recorded, Recorder } from '../recorder.js';
import { openMqttSource } from './mqtt.js';

const program = findMosquitto();
const batches = fuzzRuns(40);
const batch = 60;

test.skipIf(program === undefined)(
  'thousands of hostile messages through a real broker',
  async () => {
    const { url, sensor } = await startMosquitto(program ?? '');
    const { recorder: made, store, database } = await testRecorder(hostileTarget, { isHasty: true });
    const sums = { messages: 0, examples: 0, quarantined: 0 };
    const counted = async (done: Promise<Recorded>): Promise<Recorded> => {
      const result = await done;
      sums.messages += 1;
      sums.examples += result.examples;
      sums.quarantined += result.quarantined;
      return result;
    };
    const recorder: Recorder = {
      ...made,
      record: (...given) => counted(made.record(...given)),
      recordLabels: (...given) => counted(made.recordLabels(...given)),
    };
    const errors: unknown[] = [];
    const tell = (_fields: object, message: string): void => void errors.push(message);
    const source = await openMqttSource({
      url,
      clientId: 'gateway',
      subscriptions: payloadFormats.flatMap((format) => [
        { topic: `f/{sensor}/${format}`, format, carries: 'examples', recorder } as const,
        { topic: `l/{sensor}/${format}`, format, carries: 'labels', recorder } as const,
      ]),
      clock: systemClock(),
      log: { info() {}, warn: tell, error: tell },
    });
    onTestFinished(() => source.close());

    const name = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('m1', 'm2') },
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
        .map((text) => text.replace(/[+#/\0]/g, '-')),
      fc.constantFrom('__proto__', 's'.repeat(5000)),
    );
    const kind = fc.constantFrom('f', 'f', 'f', 'l');
    const messages = fc.array(fc.tuple(kind, name, fc.constantFrom(...payloadFormats), hostilePayload), {
      ...{ minLength: batch, maxLength: batch, size: 'max' },
    });
    let published = 0;
    let good = 0;
    let before: MemoryUse | undefined;
    let runs = 0;
    const holds = (id: string): boolean =>
      database.prepare('SELECT 1 FROM examples WHERE task = ? AND id = ?').get('t', id) !== undefined;
    await fc.assert(
      fc.asyncProperty(messages, async (hostile) => {
        // What is kept of sensors, aliases and prepared statements is there by then.
        if (runs++ === batches / 2) before = await memoryUse();
        const sent: Promise<unknown>[] = [];
        for (const [index, [to, sensorName, format, payload]] of hostile.entries()) {
          sent.push(sensor.publishAsync(`${to}/${sensorName}/${format}`, payload, { qos: 1 }));
          published += 1;
          if (index % 10 !== 9) continue;
          const row = JSON.stringify({ id: `good-${good++}`, x: 0.5, p: [1, 2] });
          sent.push(sensor.publishAsync('f/m1/json', row, { qos: 1 }));
          published += 1;
        }
        await Promise.all(sent);
        await vi.waitFor(
          () => {
            if (sums.messages < published) throw new Error(`${sums.messages} of ${published} were taken`);
          },
          { timeout: fuzzTimeoutMs(20_000), interval: 2 },
        );
        expect(holds(`good-${good - 1}`)).toBe(true);
      }),
      // What is left over of one would be in the way of the next: the first that fails is told.
      { numRuns: batches, endOnFailure: true },
    );
    if (before !== undefined) await checkNothingPilesUp(before);
    expect(errors).toEqual([]);
    expect(sums.messages).toBe(published);
    expect(store.statistics('t').examples).toBe(sums.examples);
    expect(refusedRows(store)).toBe(sums.quarantined);
    const missing = Array.from({ length: good }, (_, index) => `good-${index}`).filter((id) => !holds(id));
    expect(missing).toEqual([]);
    expect(sums.quarantined).toBeGreaterThan(500);
    expect(published).toBeGreaterThan(2_500);
  },
  fuzzTimeoutMs(60_000),
);
