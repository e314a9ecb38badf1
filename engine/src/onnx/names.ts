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
}
