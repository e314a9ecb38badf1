import type { DevicePolicy } from '@starling/federation';

/** What the device's owner demands of rounds, whatever a coordinator says. */
export interface AgentPolicy {
  readonly devicePolicy: DevicePolicy;
  /** Whether updates may leave this device under masks only. */
  readonly secureAggregationRequired: boolean;
}

/** Of a device whose owner wrote no policy. */
export const defaultPolicy: AgentPolicy = {
  devicePolicy: {
    cohortMinimum: 2,
    corruptFractionMinimum: 0,
    securityBitsMinimum: 1,
    privacy: { require: 'none', epsilonMaximum: Number.POSITIVE_INFINITY, deltaMaximum: 1 },
  },
  secureAggregationRequired: false,
};
