import { type WindowGeometry, windowGeometry } from '../../onnx/window-geometry.js';
import type { FormContext } from './form.js';

/** That of a `Conv` whose kernel's size is known. */
export function geometryOf({ node, original }: Pick<FormContext, 'node' | 'original'>): WindowGeometry {
  const kernel = original(1)?.shape.slice(2).map(Number) ?? [];
  return windowGeometry(node, original(0)?.shape.slice(2) ?? [], kernel);
}
