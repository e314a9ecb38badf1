/** `starling rollout start|pause|resume|abort`. */
import { type Rollout, requireField } from '@starling/proto';
import { type ClientArguments, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface StartRolloutArguments extends ClientArguments {
  readonly name: string;
  readonly release: number;
  /** `5,25,100`. */
  readonly stages: string;
  readonly proven: number;
  readonly failures: number;
}

export async function startRollout(args: StartRolloutArguments, terminal: Terminal): Promise<void> {
  const percents = args.stages.split(',').map((text) => Number(text.trim()));
  if (!percents.every((percent) => Number.isInteger(percent) && percent > 0 && percent <= 100)) {
    throw new UsageError(
      `--stages ${JSON.stringify(args.stages)} are no percentages.`,
      'Write them as in 5,25,100.',
    );
  }
  await withCoordinator(args, terminal, async ({ releases }) => {
    const { rollout } = await releases.startRollout(
      {
        name: args.name,
        version: args.release,
        stages: percents.map((percent) => ({ percent })),
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

function tell(rollout: Rollout, { json }: ClientArguments, terminal: Terminal): void {
  if (json) {
    printJson(terminal, rollout);
    return;
  }
  const { name, version, state, stages, stage, reason } = rollout;
  const reach = `${stages[stage]?.percent ?? 0} % of the fleet`;
  const why = reason === '' ? '' : ` ${reason}`;
  printLine(terminal, `The rollout of version ${version} of ${name} is ${state}, at ${reach}.${why}`);
}
