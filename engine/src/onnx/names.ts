/** The names of a graph and the graphs inside it: one name means one value in all of them. */
export class Names {
  readonly #taken = new Set<string>();
  readonly #counters = new Map<string, number>();

  /** Takes a name as it is. */
  take(name: string): void {
    this.#taken.add(name);
  }

  /** Takes the hint if it is free, and the hint with the next free number if not. */
  fresh(hint: string): string {
    let name = hint;
    while (name === '' || this.#taken.has(name)) {
      const next = (this.#counters.get(hint) ?? 1) + 1;
      this.#counters.set(hint, next);
      name = `${hint}_${next}`;
    }
    this.#taken.add(name);
    return name;
  }

  /** A fresh name for a node, and those of its outputs: a model's own parameter may be called as an output would be. */
  freshNode(hint: string, outputs: number): { readonly name: string; readonly outputs: readonly string[] } {
    for (;;) {
      const name = this.fresh(hint);
      const names = Array.from({ length: outputs }, (_, i) => `${name}:${i}`);
      if (!names.some((output) => this.#taken.has(output))) return { name, outputs: names };
    }
  }
}
