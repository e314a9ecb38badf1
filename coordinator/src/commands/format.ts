import type { ArtifactReference, Metric, PrivacySpent, Run, Task } from '@starling/proto';
import Table from 'cli-table3';

/** `95.6 MB`; decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`;
}

/** `4.2 s`, `2 min 5 s`, `1 h 4 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-01-31 12:00:05`, UTC. */
export function formatTime(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** Four digits after the point: more than a test set of 10,000 can tell apart. */
export function formatMetric(value: number): string {
  return value.toFixed(4);
}

/** The metric from the source that says most about the model: the coordinator's examples, held-out ones, training. */
export function bestMetric(metrics: readonly Metric[], name: string): Metric | undefined {
  return (['central', 'federated', 'training'] as const)
    .map((source) => metrics.find((metric) => metric.name === name && metric.source === source))
    .find((metric) => metric !== undefined);
}

/** A table without ornaments: it reads well everywhere and pastes well anywhere. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const bare = ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
    side === 'mid'
      ? ['mid', 'left-mid', 'mid-mid', 'right-mid']
      : [
          side,
          ...(side === 'top' || side === 'bottom' ? [`${side}-mid`, `${side}-left`, `${side}-right`] : []),
        ],
  );
  const chars = { ...Object.fromEntries(bare.map((name) => [name, ''])), middle: '  ' };
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };
  const table = new Table({ head: [...head], chars, style });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A run for programs: hashes in hexadecimal, names as on the wire. */
export function runJson(run: Run): object {
  const { analyticsQueryJson, analyticsResultJson, ...rest } = run;
  const analytics = analyticsQueryJson !== '' && {
    analytics: {
      query: JSON.parse(analyticsQueryJson) as unknown,
      result: analyticsResultJson === '' ? null : (JSON.parse(analyticsResultJson) as unknown),
    },
  };
  return { ...rest, ...analytics, checkpoint: run.checkpoint && artifactJson(run.checkpoint) };
}

export function taskJson(task: Task): object {
  const { definitionJson, planManifest, ...rest } = task;
  const definition: unknown = JSON.parse(definitionJson);
  return { ...rest, planManifest: planManifest && artifactJson(planManifest), definition };
}

export function artifactJson({ sha256, sizeBytes }: ArtifactReference): object {
  return { sha256: Buffer.from(sha256).toString('hex'), sizeBytes };
}

/** `ε = 3.21 of 8 (δ = 0.00001)`. */
export function formatPrivacy({ epsilon, epsilonBudget, delta }: PrivacySpent): string {
  return `ε = ${formatEpsilon(epsilon)} of ${epsilonBudget} (δ = ${delta})`;
}

/** Rounded up: never less than was spent. */
export function formatEpsilon(epsilon: number): string {
  return (Math.ceil(epsilon * 1000) / 1000).toFixed(3);
}

/** One run in a sentence or two. */
export function describeRun(run: Run): string {
  const progress = `${run.roundsCommitted} of ${run.roundsTarget} rounds`;
  const accuracy = bestMetric(run.metrics, 'accuracy');
  const loss = bestMetric(run.metrics, 'loss');
  const measured = [
    accuracy && `accuracy ${formatMetric(accuracy.value)} (${accuracy.source})`,
    loss && `loss ${formatMetric(loss.value)}`,
    run.privacy && formatPrivacy(run.privacy),
  ].filter((text) => text !== undefined);
  const facts = [run.state, progress, ...measured, `${formatBytes(run.bytesUploaded)} uploaded`].join(', ');
  const head = `Run ${run.runId} of task ${run.taskName} (version ${run.taskVersion}): ${facts}.`;
  return run.reason === '' ? head : `${head}\n${run.reason}`;
}
