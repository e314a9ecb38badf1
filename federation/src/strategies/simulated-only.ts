/** Why the coordinator of real devices does not take an algorithm that simulations have (docs/decisions). */
const reasons: Readonly<Record<string, string>> = {
  scaffold:
    'devices would have to keep a control variate between rounds and send a second vector under masks',
  feddyn: 'devices would have to keep a gradient between rounds',
  fednova: 'devices would have to send how many steps they made; fedprox bears unequal work',
  'q-ffl': "an update would be weighted by its device's loss, a fraction, which masks do not hold",
  fedbuff: 'rounds of the coordinator are synchronous',
  fedasync: 'rounds of the coordinator are synchronous',
};

export const whyOnlySimulated = (kind: string): string | undefined =>
  Object.hasOwn(reasons, kind) ? reasons[kind] : undefined;
