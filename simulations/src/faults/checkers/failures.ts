import type { MakeChecker } from './checker.js';

/** Nothing fails but in ways that somebody foresaw: no assertion, no exception that is no refusal. */
export const failures: MakeChecker = ({ report, world, hostile }) => {
  let seen = 0;
  const look = (): void => {
    for (; seen < world.mishaps.length; seen += 1) {
      const { where, error } = world.mishaps[seen];
      // What becomes of a device that misbehaves is its own affair.
      if (hostile.has(where)) continue;
      report(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)}`);
    }
  };
  return { name: 'failures', onCommit: look, atEnd: look };
};
