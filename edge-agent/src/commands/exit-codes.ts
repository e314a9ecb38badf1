/** What the command's exit code says; listed in its help. */
export const exitCodes = {
  done: 0,
  /** Something unexpected. */
  failed: 1,
  /** Wrong options, configuration or state directory: starting again does not help. */
  usage: 2,
  /** The coordinator cannot work with this agent's version. */
  incompatible: 3,
  /** The examples break their contract. */
  examples: 4,
  /** The coordinator refused or does not answer. */
  refused: 5,
} as const;
