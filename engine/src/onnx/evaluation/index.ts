/** Kernels for evaluating the parts of a graph that do not depend on its inputs. */
import { arithmetic } from './arithmetic.js';
import type { Kernel } from './dense.js';
import { movement } from './movement.js';

export { unary, zip } from './arithmetic.js';
export * from './dense.js';

/** Kernels by operator name. */
export const kernels: ReadonlyMap<string, Kernel> = new Map([...arithmetic, ...movement]);
