/** `starling analytics run`. */
import type { AnalyticsResult, Statistic } from '@starling/federation';
import { requireField } from '@starling/proto';
import { createSystemClock } from '../adapters/index.js';
import { askSigned } from './ask-signed.js';
import { type ClientArguments, withCoordinator } from './connection.js';
import { exitCodes } from './exit-codes.js';
import { UsageError } from './explain.js';
import { formatPrivacy, formatTable, runJson } from './format.js';
import { ownerKey } from './owner-key.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface AnalyticsArguments extends ClientArguments {
  readonly task: string;
  readonly column: string;
  readonly statistic: Exclude<Statistic['kind'], 'activations'>;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly bins: number | undefined;
  readonly quantiles: readonly number[];
  readonly top: number;
  readonly share: number;
  readonly valuesMax: number;
  readonly epsilon: number | undefined;
  /** File with the owner's key. */
  readonly key: string | undefined;
}

/** Asks, waits for the answer and prints it. */
export async function runAnalytics(args: AnalyticsArguments, terminal: Terminal): Promise<number> {
  const { signal } = terminal;
  const query = { column: args.column, statistic: statisticOf(args), valuesMax: args.valuesMax };
  const key = await ownerKey(args.key, terminal);
  return withCoordinator(args, terminal, async ({ operations }) => {
    const question = { taskName: args.task, query, epsilon: args.epsilon };
    const { runId } = await askSigned(operations, question, key, createSystemClock().now(), signal);
    remark(terminal, `Run ${runId} asks the devices of task ${args.task} …`);
    for await (const _ of operations.watchRun({ runId, afterSequence: 0 }, { signal })) {
      // Until the run is over; its answer is in the run itself.
    }
    const run = requireField((await operations.getRun({ runId }, { signal })).run, 'GetRunResponse.run');
    if (args.json) printJson(terminal, runJson(run));
    if (run.analyticsResultJson === '') {
      if (!args.json) printLine(terminal, `There is no answer: ${run.reason}`);
      return exitCodes.runFailed;
    }
    if (!args.json) {
      printLine(terminal, describeResult(JSON.parse(run.analyticsResultJson) as AnalyticsResult));
      if (run.privacy) printLine(terminal, `Privacy of each device: ${formatPrivacy(run.privacy)}.`);
    }
    return exitCodes.done;
  });
}

function statisticOf(args: AnalyticsArguments): Statistic {
  const { statistic: kind, bins, quantiles, top, share } = args;
  switch (kind) {
    case 'count':
      return { kind };
    case 'heavy-hitters':
      return { kind, top, share };
    case 'sum':
    case 'mean':
    case 'variance':
      return { kind, ...rangeOf(args) };
    case 'histogram':
      return { kind, ...rangeOf(args), bins: bins ?? 20 };
    case 'quantiles':
      return { kind, ...rangeOf(args), quantiles: [...quantiles].sort((a, b) => a - b), bins: bins ?? 1000 };
  }
}

function rangeOf({ statistic, minimum, maximum }: AnalyticsArguments) {
  if (minimum !== undefined && maximum !== undefined) return { minimum, maximum };
  throw new UsageError(
    `--statistic ${statistic} needs --minimum and --maximum.`,
    'Values outside of the range are clamped to it, or counted as outside.',
  );
}

/** The answer for people. */
export function describeResult(result: AnalyticsResult): string {
  const values = `${round(result.count)} values`;
  switch (result.kind) {
    case 'count':
      return values;
    case 'sum':
      return `sum ${round(result.sum)} of ${values}`;
    case 'mean':
      return `mean ${orNone(result.mean)} of ${values}`;
    case 'variance':
      return `mean ${orNone(result.mean)}, variance ${orNone(result.variance)} of ${values}`;
    case 'histogram': {
      const { counts, edges, below, above } = result;
      const rows = counts.map((count, i) => [`${round(edges[i])} to ${round(edges[i + 1])}`, round(count)]);
      const all = [['below', round(below)], ...rows, ['above', round(above)]];
      return `${values}\n${formatTable(['VALUE', 'COUNT'], all)}`;
    }
    case 'quantiles': {
      const rows = result.quantiles.map(({ quantile, value }) => [`${quantile}`, round(value)]);
      return `${values}, to within ${round(result.resolution)}\n${formatTable(['QUANTILE', 'VALUE'], rows)}`;
    }
    case 'activations':
      return `${result.histograms.length} histograms of activations, of ${round(result.count)} examples`;
    case 'heavy-hitters': {
      const rows = result.values.map(({ value, count }) => [`${value}`, round(count)]);
      return `${values}\n${formatTable(['VALUE', 'COUNT'], rows)}`;
    }
  }
}

function orNone(value: number | null): string {
  return value === null ? 'unknown' : round(value);
}

function round(value: number): string {
  return `${Number(value.toPrecision(6))}`;
}
