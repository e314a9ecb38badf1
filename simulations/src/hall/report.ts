/** What the hall shows at its end. */
import Table from 'cli-table3';

export interface HallResult {
  readonly gateways: number;
  readonly motors: number;
  readonly seconds: number;
  readonly seed: number;
  readonly examples: {
    /** Windows that the sensors' samples make, and those that gateways stored. */
    readonly windowsPublished: number;
    readonly windowsStored: number;
    readonly labelled: number;
    readonly brokenRowsPublished: number;
    readonly rowsQuarantined: number;
  };
  readonly training: {
    readonly rounds: number;
    readonly secureAggregation: true;
    /** On windows of motors that no gateway saw. */
    readonly accuracy: number;
  };
  readonly int8: {
    readonly accuracyF32: number;
    readonly accuracyInt8: number;
    readonly timesSmaller: number;
  };
  readonly inference: {
    readonly questions: number;
    readonly answers: number;
    readonly rightShare: number;
  };
  readonly outage: {
    readonly seconds: number;
    /** Records that waited at gateways when the coordinator came back. */
    readonly recordsBuffered: number;
    readonly answersMeanwhile: number;
  };
  readonly badRelease: {
    /** How its rollout ended: `stopped`. */
    readonly rollout: string;
    readonly reason: string;
    readonly gatewaysFailed: number;
    /** Gateways that serve the model from before. */
    readonly gatewaysOnOldModel: number;
    readonly answersMeanwhile: number;
  };
  readonly telemetry: {
    /** Records that the gateways wrote, that the coordinator holds, and that still wait at their gateway. */
    readonly written: number;
    readonly held: number;
    readonly waiting: number;
  };
  /** Whether everything that was counted came out even. */
  readonly nothingLost: boolean;
  readonly folder: string | null;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function hallTable(result: HallResult): string {
  const { examples, training, int8, inference, outage, badRelease, telemetry } = result;
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'left'] });
  table.push(
    ['hall', `${result.gateways} gateways, ${result.motors} motors, ${result.seconds.toFixed(0)} s`],
    [
      'windows',
      `${examples.windowsPublished} published, ${examples.windowsStored} stored, ${examples.labelled} labelled`,
    ],
    ['broken rows', `${examples.brokenRowsPublished} published, ${examples.rowsQuarantined} quarantined`],
    [
      'training',
      `${training.rounds} rounds under secure aggregation, ${percent(training.accuracy)} on unseen motors`,
    ],
    [
      'int8',
      `${percent(int8.accuracyInt8)} against ${percent(int8.accuracyF32)} in f32, ${int8.timesSmaller.toFixed(1)} times smaller`,
    ],
    [
      'questions over MQTT',
      `${inference.questions} asked, ${inference.answers} answered, ${percent(inference.rightShare)} right`,
    ],
    [
      'outage',
      `${outage.seconds.toFixed(1)} s without a coordinator: ${outage.recordsBuffered} records waited, ${outage.answersMeanwhile} questions answered meanwhile`,
    ],
    [
      'bad release',
      `refused by ${badRelease.gatewaysFailed}, rollout ${badRelease.rollout}; ${badRelease.gatewaysOnOldModel} gateways serve the old model, ${badRelease.answersMeanwhile} questions answered meanwhile`,
    ],
    [
      'telemetry',
      `${telemetry.written} records written, ${telemetry.held} held by the coordinator, ${telemetry.waiting} wait at their gateway`,
    ],
    ['in all', result.nothingLost ? 'nothing was lost' : 'something was LOST'],
  );
  return table.toString();
}
