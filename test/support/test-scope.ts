/** Apart from the rest of the support, which also runs outside of vitest. */
import { onTestFinished } from 'vitest';
import { createScope, type Scope } from './scope.js';

/** A scope that ends with the running test, however it ends. */
export function testScope(): Scope {
  const scope = createScope();
  onTestFinished(() => scope.close());
  return scope;
}
