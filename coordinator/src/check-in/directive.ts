/** What a device that checks in is told. */
import type { Work } from '../runner/work.js';

export type Directive =
  | { readonly kind: 'work'; readonly work: Work }
  | {
      readonly kind: 'come-back';
      readonly earliestMs: number;
      readonly latestMs: number;
      readonly reason: string;
    };
