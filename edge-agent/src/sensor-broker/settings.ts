/** Where the broker of the sensors is, and who this device is to it. */
import { readFileSync } from 'node:fs';
import { AgentError } from '../errors.js';
import { isMissing } from '../state/atomic-file.js';

export interface BrokerSettings {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  readonly username?: string | undefined;
  /** A file, so that no secret lies in the configuration. */
  readonly passwordFile?: string | undefined;
  /** The key of these settings, for errors: `ingestion.broker`. */
  readonly key?: string | undefined;
}

/** Undefined where there is none. @throws AgentError `agent/configuration`, naming the key */
export function readPassword({ passwordFile, key = 'broker' }: BrokerSettings): string | undefined {
  if (passwordFile === undefined) return undefined;
  try {
    return readFileSync(passwordFile, 'utf8').trim();
  } catch (error) {
    const why = isMissing(error) ? 'which is not there' : 'which cannot be read';
    throw new AgentError(
      'agent/configuration',
      `"${key}.passwordFile" names ${passwordFile}, ${why}; put the password of the broker there, for this agent to read.`,
      error,
    );
  }
}
