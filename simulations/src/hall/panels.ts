/** What the hall looks like while it runs: on a terminal panels that stand still, elsewhere a line for what happens. */
import type { Terminal } from '../commands/terminal.js';
import { drawsBars } from '../commands/terminal.js';
import type { MotorView, SensorCounts } from './sensor-network.js';

export interface GatewayPanel {
  readonly name: string;
  /** Of the process: what it is doing in the story. */
  readonly state: string;
  /** The release it serves. */
  readonly serves: string;
  /** Telemetry records that are durable at the coordinator. */
  readonly telemetry: number;
}

export interface HallView {
  readonly phase: string;
  readonly gateways: readonly GatewayPanel[];
  readonly motors: readonly MotorView[];
  readonly counts: Readonly<SensorCounts>;
  readonly training: string;
}

export interface Panels {
  /** Something happened: it stays readable above the panels. */
  tell(text: string): void;
  close(): void;
}

const everyMs = 500;

/** @param view asked again and again */
export function openPanels(terminal: Terminal, view: () => HallView): Panels {
  const { err, clock } = terminal;
  const draws = drawsBars(terminal);
  const startMs = clock.monotonic();
  const elapsed = (): string => {
    const seconds = Math.floor((clock.monotonic() - startMs) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };
  let drawn = 0;
  const erase = (): void => {
    if (drawn > 0) err.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = (): void => {
    const lines = panelLines(view(), elapsed(), err.columns ?? 80);
    erase();
    err.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  let next = draws ? clock.schedule(0, again) : undefined;
  function again(): void {
    draw();
    next = clock.schedule(everyMs, again);
  }
  return {
    tell(text) {
      if (draws) erase();
      err.write(`${elapsed().padStart(5)}  ${text}\n`);
      if (draws) draw();
    },
    close() {
      next?.cancel();
      if (draws) draw();
    },
  };
}

/** The panels as lines no wider than the terminal. */
export function panelLines(
  { phase, gateways, motors, counts, training }: HallView,
  elapsed: string,
  columns: number,
): readonly string[] {
  const rule = '─'.repeat(Math.max(1, Math.min(columns, 78)));
  const lines = [
    rule,
    `machine hall  ${elapsed}  ${phase}`,
    `sensors       ${counts.bursts} bursts, ${counts.windows} windows, ${counts.labelled} labelled, ${counts.broken} broken rows`,
    `models        ${counts.questions} asked, ${counts.answers} answered, ${counts.right} right${counts.refused > 0 ? `, ${counts.refused} refused` : ''}`,
    `training      ${training}`,
  ];
  for (const { name, state, serves, telemetry } of gateways) {
    lines.push(`${name.padEnd(12)}  ${state}; serves ${serves}; ${telemetry} telemetry records held`);
    for (const { gateway, motor, truth, diagnosis } of motors) {
      if (gateway !== name) continue;
      const mark = diagnosis === undefined ? ' ' : diagnosis === truth ? '✓' : '✗';
      const speed = `${Math.round(motor.shaftHz * 60)} rpm, load ${Math.round(100 * motor.load)} %`;
      lines.push(
        `  ${motor.name.padEnd(9)} ${speed.padEnd(20)} ${truth.padEnd(11)} ${mark} ${diagnosis ?? ''}`,
      );
    }
  }
  return [...lines, rule].map((line) => line.slice(0, columns));
}
