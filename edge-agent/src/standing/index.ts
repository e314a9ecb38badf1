/** How the running agent stands: followed, published in its state directory, and read by `status`. */
export { type PublishedStanding, readStanding } from './published.js';
export { createPublisher, type StandingPublisher } from './publisher.js';
export type { LastRound, Standing } from './standing.js';
export { type StandingTracker, type TrackerOptions, trackStanding } from './track.js';
