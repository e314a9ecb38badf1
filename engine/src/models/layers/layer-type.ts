import type { Fields, Place } from '../../fields.js';
import type { GraphBuilder, Value } from '../../onnx/index.js';
import type { Layer } from '../definition.js';
import type { Fans, Initializer } from '../initializers.js';

/** One tensor a layer learns. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  readonly fans: Fans;
}

/** What a layer makes of one example of a given shape (no batch axis). */
export interface LayerShapes {
  readonly outputShape: readonly number[];
  readonly parameters: readonly ParameterSpec[];
}

/** Where a layer's operators go. */
export interface LayerContext {
  readonly builder: GraphBuilder;
  /** An int32 scalar that decides the dropout masks; undefined where the graph is not for training. */
  readonly dropoutSeed: Value | undefined;
  /** Shape of one example where it enters the layer. */
  readonly inputShape: readonly number[];
  readonly place: Place;
}

/** Everything Starling knows of one kind of layer: one file each, listed in this folder's entry. */
export interface LayerType<L extends Layer = Layer> {
  readonly kinds: readonly L['kind'][];
  /** Reads the fields of untrusted JSON. @throws ModelError */
  read(kind: L['kind'], fields: Fields): L;
  /** @throws ModelError where the layer does not fit its input. */
  describe(layer: L, inputShape: readonly number[], place: Place): LayerShapes;
  /** Adds the layer's operators; `input` and the result have the batch axis first. */
  build(layer: L, input: Value, parameters: readonly Value[], context: LayerContext): Value;
}
