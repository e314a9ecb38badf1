/** The task that the measured coordinator directs. */

/** One hidden layer between 4 readings and 3 kinds: 8 parameters a unit, and 3. */
function unitsFor(parameters: number): number {
  return Math.max(1, Math.round((parameters - 3) / 8));
}

export function parameterCountOf(parameters: number): number {
  return 8 * unitsFor(parameters) + 3;
}

export const encodings = {
  float32: { kind: 'float32' },
  '8bit': { kind: 'stochastic-quantization', bits: 8, blockSize: 1024 },
} as const;

export type EncodingName = keyof typeof encodings;

export const taskName = 'bench';

export function taskJson(parameters: number, cohort: number, encoding: EncodingName): string {
  return JSON.stringify({
    name: taskName,
    model: {
      kind: 'sequential',
      inputShape: [4],
      layers: [{ kind: 'dense', units: unitsFor(parameters) }, { kind: 'relu' }, { kind: 'dense', units: 3 }],
    },
    contract: {
      features: [{ name: 'reading', dataType: 'float32', shape: [4], range: [-1, 1] }],
      target: { kind: 'class', name: 'kind', classes: 3 },
    },
    training: { loss: 'softmax-cross-entropy', learningRate: 0.1 },
    encoding: encodings[encoding],
    cohort: { size: cohort },
    stop: { rounds: 1 },
  });
}

/** What a device says when it checks in. */
export function checkInOf(deviceId: string, holdMsMax: number) {
  return {
    deviceId,
    protocolRevision: 1,
    capabilities: { agentVersion: '0.1.0', runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 },
    taskNames: [taskName],
    holdMsMax,
  };
}
