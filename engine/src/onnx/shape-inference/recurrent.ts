import { intAttribute, stringAttribute } from '../attributes.js';
import { fail, type InferenceRule, required } from './context.js';

/** `LSTM`, `GRU` and `RNN`: all hidden states, the last hidden state, and an LSTM's last cell state. */
export const recurrent: InferenceRule = (context) => {
  const [x, recurrence] = [required(context, 0), required(context, 2)];
  if (x.shape.length !== 3 || recurrence.shape.length !== 3) fail(context, 'a recurrence takes rank 3');
  if (intAttribute(context.node, 'layout', 0) !== 0) fail(context, 'put the steps first (layout 0)');
  const directions = stringAttribute(context.node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const last = [directions, x.shape[1], recurrence.shape[2]];
  return [[x.shape[0], ...last], last, last].map((shape) => ({ dataType: x.dataType, shape }));
};
