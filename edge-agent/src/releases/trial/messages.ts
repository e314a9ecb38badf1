/** What the agent and the process that tries a release say to each other. */
import type { InferenceSettings } from '../../inference/index.js';
import type { HealthChecks } from '../description.js';
import type { RecentData } from './try-release.js';

export interface ToTrial {
  readonly kind: 'try';
  /** Of the model, whose hash was checked. */
  readonly path: string;
  readonly health: HealthChecks;
  readonly recent: RecentData;
  readonly settings: InferenceSettings;
}

export interface FromTrial {
  readonly kind: 'tried';
  readonly fault: string | undefined;
}
