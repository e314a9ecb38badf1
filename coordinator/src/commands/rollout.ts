/** `starling rollout start|pause|resume|abort`. */
import { type Rollout, type RolloutStage, requireField } from '@starling/proto';
import { type ClientArguments, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface StartRolloutArguments extends ClientArguments {
  readonly name: string;
  readonly release: number;
  /** `site=hall-1,25,100`. */
  readonly stages: string;
  readonly proven: number;
  readonly failures: number;
}

export async function startRollout(args: StartRolloutArguments, terminal: Terminal): Promise<void> {
  const stages = args.stages.split(',').map((text) => stageOf(text.trim(), args.stages));
  await withCoordinator(args, terminal, async ({ releases }) => {
    const { rollout } = await releases.startRollout(
      {
        name: args.name,
        version: args.release,
        stages,
        provenPercent: args.proven,
        failuresMax: args.failures,
      },
      { signal: terminal.signal },
    );
    tell(requireField(rollout, 'StartRolloutResponse.rollout'), args, terminal);
  });
}

export async function controlRollout(
  action: 'pause' | 'resume' | 'abort',
  args: ClientArguments & { readonly name: string },
  terminal: Terminal,
): Promise<void> {
  await withCoordinator(args, terminal, async ({ releases }) => {
    const { rollout } = await releases.controlRollout(
      { name: args.name, action },
      { signal: terminal.signal },
    );
    tell(requireField(rollout, 'ControlRolloutResponse.rollout'), args, terminal);
  });
}

function stageOf(text: string, all: string): RolloutStage {
  const at = text.indexOf('=');
  if (at > 0) return { percent: 0, labelKey: text.slice(0, at), labelValue: text.slice(at + 1) };
  const percent = Number(text);
  if (Number.isInteger(percent) && percent > 0 && percent <= 100) {
    return { percent, labelKey: '', labelValue: '' };
  }
  throw new UsageError(
    `--stages ${JSON.stringify(all)} are no percentages and labels.`,
    'Write them as in 5,25,100 or site=hall-1,100.',
  );
}

/** What a stage reaches, for people. */
export function describeStage(stage: RolloutStage | undefined): string {
  if (stage === undefined) return 'nothing';
  return stage.labelKey === '' ? `${stage.percent} % of the fleet` : `${stage.labelKey}=${stage.labelValue}`;
}

function tell(rollout: Rollout, { json }: ClientArguments, terminal: Terminal): void {
  if (json) {
    printJson(terminal, rollout);
    return;
  }
  const { name, version, state, stages, stage, reason } = rollout;
  const reach = describeStage(stages[stage]);
  const why = reason === '' ? '' : ` ${reason}`;
  printLine(terminal, `The rollout of version ${version} of ${name} is ${state}, at ${reach}.${why}`);
}
