/** A process that tries to have each state directory it is told of, at the moment it is told, and says whether it has it. */
import { systemClock } from '../adapters/system-clock.js';
import { AgentError } from '../errors.js';
import { lockState } from '../state/lock.js';

const clock = systemClock();

process.on('message', ({ folder, atMs }: { readonly folder: string; readonly atMs: number }) => {
  // Timers are too late by more than the others need.
  while (clock.now() < atMs) {}
  const say = (what: string): void => void process.send?.(what);
  lockState(folder).then(
    () => say('has it'),
    (error: unknown) => say(error instanceof AgentError ? error.code : String(error)),
  );
});
process.send?.('ready');
