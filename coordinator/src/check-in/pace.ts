/**
 * Pace steering (Bonawitz et al. 2019, "Towards Federated Learning at Scale", section 2.3): a device that finds no work
 * is told a window to come back in, and picks a moment of it by chance. A small fleet comes back soon, so that cohorts
 * form quickly; the larger the fleet, the wider the window, so that check-ins arrive at a rate the coordinator chose.
 */
export interface PaceSettings {
  /** Check-ins per second that the coordinator wants to answer. */
  readonly checkInsPerSecond: number;
  /** Shortest mean time between two check-ins of a device, in milliseconds. */
  readonly periodMsMin: number;
  /** Longest mean time between two check-ins of a device, in milliseconds. */
  readonly periodMsMax: number;
}

export interface PaceWindow {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** Mean time between two check-ins of one device, in milliseconds. */
export function pacePeriodMs(fleetSize: number, settings: PaceSettings): number {
  const periodMs = (fleetSize / settings.checkInsPerSecond) * 1000;
  return Math.round(Math.min(Math.max(periodMs, settings.periodMsMin), settings.periodMsMax));
}

/** Centred on the period and as wide as it, so that moments picked by chance spread the fleet evenly. */
export function paceWindow(fleetSize: number, settings: PaceSettings): PaceWindow {
  const periodMs = pacePeriodMs(fleetSize, settings);
  return { earliestMs: Math.floor(periodMs / 2), latestMs: Math.ceil((periodMs * 3) / 2) };
}
