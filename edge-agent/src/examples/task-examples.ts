/** Which tasks this device has examples for, and where they lie. */
import type { ExampleSource } from '@starling/engine';
import { type FeatureContract, formatFeatureContract, openExamplesFolder } from '@starling/engine/examples';
import { AgentError } from '../errors.js';

export interface TaskExamples {
  readonly taskNames: readonly string[];
  /**
   * The examples of a task, validated against the contract. They stay in memory while the same task asks again
   * with the same contract; a folder that changed is read anew only after a restart,
   * recorded examples whenever there are more.
   *
   * @throws AgentError where the task has no folder
   * @throws ExamplesError where the examples break the contract
   */
  open(taskName: string, contract: FeatureContract): Promise<ExampleSource>;
}

/** Examples that the agent recorded itself. */
export interface RecordedExamples {
  readonly taskNames: readonly string[];
  /** Changes whenever the labelled examples of a task do. */
  revision(taskName: string): string;
  /** The labelled examples, held against the contract. @throws ExamplesError */
  open(taskName: string, contract: FeatureContract): ExampleSource;
}

/** @param folders from task name to folder */
export function taskExamples(
  folders: ReadonlyMap<string, string>,
  recorded?: RecordedExamples | undefined,
): TaskExamples {
  let opened: { readonly key: string; readonly source: ExampleSource } | undefined;
  return {
    taskNames: [...new Set([...folders.keys(), ...(recorded?.taskNames ?? [])])],
    async open(taskName, contract) {
      if (recorded?.taskNames.includes(taskName)) {
        const key = `${recorded.revision(taskName)}\n${taskName}\n${formatFeatureContract(contract)}`;
        if (opened?.key !== key) {
          opened = undefined;
          opened = { key, source: recorded.open(taskName, contract) };
        }
        return opened.source;
      }
      const folder = folders.get(taskName);
      if (folder === undefined) {
        throw new AgentError(
          'agent/examples-missing',
          `This device has no examples for the task ${JSON.stringify(taskName)}; name a folder with --examples.`,
        );
      }
      const key = `${taskName}\n${formatFeatureContract(contract)}`;
      if (opened?.key !== key) {
        opened = undefined;
        opened = { key, source: await openExamplesFolder(folder, contract) };
      }
      return opened.source;
    },
  };
}
