/** The published gRPC service of the Open Inference Protocol; apart, so that only who serves loads it. */
export * from './generated/open-inference.js';
