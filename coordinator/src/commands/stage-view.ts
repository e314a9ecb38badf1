/** Progress of work in stages: a bar where the terminal draws, a line a stage elsewhere, nothing for programs. */
import cliProgress from 'cli-progress';
import { drawsBars, remark, type Terminal } from './terminal.js';

export interface StageView {
  readonly show: (stage: string, done: number, total: number) => void;
  readonly close: () => void;
}

export function createStageView(terminal: Terminal, json: boolean): StageView {
  if (json) return { show: () => {}, close: () => {} };
  return drawsBars(terminal) ? bars(terminal) : lines(terminal);
}

function lines(terminal: Terminal): StageView {
  let current = '';
  return {
    show(stage, _done, total) {
      if (stage === current) return;
      current = stage;
      remark(terminal, total > 1 ? `${stage}: ${total} to do …` : `${stage} …`);
    },
    close() {},
  };
}

function bars(terminal: Terminal): StageView {
  const bar = new cliProgress.SingleBar({
    format: '{stage} {bar} {value}/{total}, {eta_formatted} left',
    stream: terminal.err,
    hideCursor: true,
    clearOnComplete: true,
  });
  let current = '';
  return {
    show(stage, done, total) {
      if (stage !== current) {
        if (current !== '') bar.stop();
        current = stage;
        bar.start(total, done, { stage: stage.padEnd(11) });
      } else bar.update(done);
    },
    close() {
      if (current !== '') bar.stop();
    },
  };
}
