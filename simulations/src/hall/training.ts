/** Training over the gateways, and the model of it made small: as an operator would, by commands. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SimulationError } from '../errors.js';
import { runCommand } from './commands.js';
import { hallTask, taskName } from './definitions.js';
import { clientArguments, type Hall, ownerKeyOf, phase, withRemote } from './hall.js';
import { type HallResult, percent } from './report.js';

export async function train(hall: Hall): Promise<{ readonly runId: string; readonly accuracy: number }> {
  const { options, terminal, folder, coordinator, story, shown, panels } = hall;
  const { signal } = terminal;
  const { gateways, rounds, seed } = options;
  phase(hall, 'training: the gateways learn one model, each from its own motors');
  const task = hallTask({ gateways, rounds, heldOut: join(folder, 'held-out') });
  await writeFile(join(folder, 'task.json'), JSON.stringify(task, undefined, 2));
  const key = ownerKeyOf(folder);
  await runCommand('starling', ['key', 'create', '--out', key], signal);
  await runCommand(
    'starling',
    ['task', 'apply', join(folder, 'task.json'), '--key', key, ...clientArguments(coordinator)],
    signal,
  );
  return withRemote(coordinator, terminal, async ({ operations }) => {
    const { run } = await operations.startRun({ taskName, seed }, { signal });
    if (run === undefined) throw new SimulationError('simulation/worker', 'The run did not start.');
    const { runId } = run;
    let accuracy = 0;
    let round = 0;
    for await (const { event } of operations.watchRun({ runId, afterSequence: 0 }, { signal })) {
      const kind = event?.kind;
      if (kind?.kind === 'roundCommitted') round += 1;
      if (kind?.kind === 'metricsMeasured') {
        const measured = kind.value.metrics.find(
          ({ name, source }) => name === 'accuracy' && source === 'central',
        );
        if (measured !== undefined) {
          accuracy = measured.value;
          panels.tell(`round ${round} of ${rounds}: ${percent(accuracy)} on motors that nobody trained on`);
        }
      }
      story.training = `${round} of ${rounds} rounds, ${percent(accuracy)} on unseen motors`;
      for (const panel of shown.values()) panel.state = 'records and trains';
      if (kind?.kind === 'runEnded' && kind.value.state !== 'completed') {
        throw new SimulationError('simulation/worker', `Training did not end well: ${kind.value.reason}.`);
      }
    }
    for (const panel of shown.values()) panel.state = 'records';
    return { runId, accuracy };
  });
}

interface Quantized {
  readonly path: string;
  readonly report: HallResult['int8'];
}

export async function quantize(hall: Hall, runId: string): Promise<Quantized> {
  const { terminal, folder, coordinator, panels } = hall;
  phase(hall, 'quantization: ranges come from the gateways as sums of histograms');
  const path = join(folder, 'vibration.int8.onnx');
  const args = ['model', 'quantize', runId, '--federated', '--key', ownerKeyOf(folder)];
  const { before, after, sizeRatio } = await runCommand<{
    readonly before: { readonly quality: { readonly value: number } };
    readonly after: { readonly quality: { readonly value: number } };
    readonly sizeRatio: number;
  }>(
    'starling',
    [...args, '--examples', join(folder, 'held-out'), '-o', path, ...clientArguments(coordinator)],
    terminal.signal,
  );
  panels.tell(
    `int8: ${percent(after.quality.value)} against ${percent(before.quality.value)} in f32, ${sizeRatio.toFixed(1)} times smaller`,
  );
  return {
    path,
    report: { accuracyF32: before.quality.value, accuracyInt8: after.quality.value, timesSmaller: sizeRatio },
  };
}
