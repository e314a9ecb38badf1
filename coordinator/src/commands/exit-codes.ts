/** What the command's exit code says; listed in its help. */
export const exitCodes = {
  done: 0,
  /** Something unexpected. */
  failed: 1,
  /** Wrong options, or a file that is not what it should be. */
  usage: 2,
  /** No coordinator answers at the address. */
  unreachable: 3,
  /** The coordinator refused, and said why. */
  refused: 4,
  /** The run that was watched failed. */
  runFailed: 5,
  /** Ctrl-C, or another request to end; 128 + SIGINT. */
  interrupted: 130,
} as const;
