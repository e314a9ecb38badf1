import yargs from 'yargs';

export interface CoordinatorOptions {
  /** Number of agents that check in. */
  readonly agents: number;
  /** Cohort sizes of the aggregation. */
  readonly cohorts: readonly number[];
  /** Parameters of the aggregated model, about. */
  readonly parameters: number;
  /** Uploads that are sent at the same time. */
  readonly clients: number;
}

export const optionLines = [
  '--agents 5000            agents whose check-ins are held open',
  '--cohorts 4,16,64        cohort sizes to aggregate',
  '--parameters 1000000     parameters of the model whose updates are aggregated',
  '--clients 4              uploads sent at the same time',
];

/** Throws where an option is not known or not a number. */
export async function parseOptions(args: readonly string[]): Promise<CoordinatorOptions> {
  const parsed = await yargs([...args])
    .option('agents', { type: 'number', default: 5000 })
    .option('cohorts', { type: 'string', default: '4,16,64' })
    .option('parameters', { type: 'number', default: 1_000_000 })
    .option('clients', { type: 'number', default: 4 })
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      throw (
        error ?? new Error(`${message} It takes ${optionLines.map((line) => line.split(' ')[0]).join(', ')}.`)
      );
    })
    .parseAsync();
  const cohorts = parsed.cohorts.split(',').map(Number);
  for (const value of [parsed.agents, parsed.parameters, parsed.clients, ...cohorts]) {
    if (!Number.isInteger(value) || value < 1)
      throw new Error('Every option takes whole numbers of at least 1.');
  }
  return { ...parsed, cohorts };
}
