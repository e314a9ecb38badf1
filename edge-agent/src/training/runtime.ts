/** Training in this process, by itself: whoever loads all of the engine late loads what nobody here needs. */
export { plannedTraining } from '@starling/engine';
