/**
 * The feature contract: names, types, shapes, ranges and units of what one example must hold, as data. The
 * coordinator sends its canonical JSON with each assignment, and a device refuses work its examples do not fit.
 */

/** How numbers are recorded; they keep this width in memory until a batch is read. */
export const exampleDataTypes = ['uint8', 'int8', 'uint16', 'int16', 'int32', 'float32', 'float64'] as const;

export type ExampleDataType = (typeof exampleDataTypes)[number];

/** One named tensor of an example. The plan sees `value * scale + offset`. */
export interface FeatureField {
  readonly name: string;
  readonly dataType: ExampleDataType;
  /** Shape of one example's tensor; `[]` is a single number. */
  readonly shape: readonly number[];
  /** Least and greatest recorded value that is allowed, both included, before normalisation. */
  readonly range: readonly [min: number, max: number];
  /** What a recorded value is multiplied with. */
  readonly scale: number;
  /** What is added after the multiplication. */
  readonly offset: number;
  /** Unit of the recorded value, such as `m/s2`; for people. */
  readonly unit?: string;
}

/** What is to be learned: an index into `classes` classes, or numbers. */
export type TargetField =
  | {
      readonly kind: 'class';
      readonly name: string;
      /** Number of classes; an index is 0 to `classes - 1`. */
      readonly classes: number;
    }
  | {
      readonly kind: 'number';
      readonly name: string;
      /** Shape of one example's target; `[]` is a single number. */
      readonly shape: readonly number[];
      /** Least and greatest value that is allowed, both included. */
      readonly range: readonly [min: number, max: number];
      /** Unit of the value; for people. */
      readonly unit?: string;
    };

export interface FeatureContract {
  /** The model's input is these, flattened and joined in this order. */
  readonly features: readonly FeatureField[];
  readonly target: TargetField;
}

/** Number of elements of a shape; `[]` has one. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Length of one example's joined features, in elements. */
export function featureElements(contract: FeatureContract): number {
  return contract.features.reduce((sum, field) => sum + elementCount(field.shape), 0);
}

/** Length of one example's target, in elements; 1 for a class index. */
export function targetElements(contract: FeatureContract): number {
  return contract.target.kind === 'class' ? 1 : elementCount(contract.target.shape);
}
