import { SimulationError } from '../errors.js';

export interface HallOptions {
  readonly gateways: number;
  /** Of each gateway. */
  readonly motors: number;
  /** About how long the hall runs; longer means more to learn from and longer outages. */
  readonly minutes: number;
  readonly rounds: number;
  readonly seed: number;
  /** Where everything is kept; left out, a temporary folder that is removed. */
  readonly folder: string | undefined;
  readonly json: boolean;
}

/** @throws SimulationError `simulation/usage` that says what is allowed */
export function checkHallOptions({ gateways, motors, minutes, rounds, seed }: HallOptions): void {
  // Fewer than three, and a sum without one of them is another's update.
  whole('gateways', gateways, 3, 16);
  whole('motors', motors, 1, 16);
  whole('rounds', rounds, 1, 1000);
  whole('seed', seed, 0, 0xffff_ffff);
  if (!(minutes >= 0.2 && minutes <= 24 * 60)) {
    throw new SimulationError('simulation/usage', '--minutes must be from 0.2 to 1440.');
  }
}

function whole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new SimulationError('simulation/usage', `--${name} must be a whole number from ${least} to ${most}.`);
}
