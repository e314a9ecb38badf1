/**
 * The orders α at which Rényi divergences are followed: those of dp-accounting (Google), so that bounds can be
 * compared. Fine steps near 1 serve large ε, large orders small ε; ε can never be below about log(1/δ)/1023.
 */
export const rdpOrders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  128,
  256,
  512,
  1024,
];
