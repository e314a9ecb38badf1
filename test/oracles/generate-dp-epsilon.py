"""Writes dp-epsilon.json, what the privacy accountants are compared with.

    python -m venv .venv && .venv/bin/pip install dp-accounting==0.6.0 mpmath==1.4.1
    .venv/bin/python test/oracles/generate-dp-epsilon.py

Epsilons are those of Google's dp-accounting; divergences of the discrete mechanisms are summed from their exact
probabilities with mpmath; so is the normal distribution function.
"""

import json
import pathlib

import dp_accounting as dp
import mpmath as mp
from dp_accounting.pld import pld_privacy_accountant
from dp_accounting.rdp import rdp_privacy_accountant

# Each entry: rounds of (noise multiplier, sampling probability, number of rounds), then delta.
COMPOSITIONS = [
    ([(0.5, 0.001, 1)], 1e-5),
    ([(0.5, 0.001, 2000)], 1e-5),
    ([(1.1, 0.01, 2000)], 1e-5),
    ([(1.1, 0.01, 100)], 1e-7),
    ([(0.8, 0.01, 1)], 1e-5),
    ([(5.0, 0.01, 100)], 1e-5),
    ([(5.0, 0.001, 100)], 1e-7),
    ([(0.5, 0.05, 100)], 1e-5),
    ([(2.0, 0.05, 100)], 1e-8),
    ([(1.1, 0.2, 1)], 1e-7),
    ([(2.0, 0.2, 2000)], 1e-7),
    ([(0.8, 0.2, 100)], 1e-5),
    ([(1.5, 0.999, 20)], 1e-6),
    ([(1.1, 1.0, 1)], 1e-7),
    ([(2.0, 1.0, 100)], 1e-7),
    ([(20.0, 1.0, 50)], 1e-6),
    ([(1.0, 0.1, 30), (1.5, 0.05, 100)], 1e-6),
    ([(4.0, 1.0, 3), (0.9, 0.02, 200), (2.5, 1.0, 10)], 1e-5),
]

DISCRETE_GAUSSIANS = [(1.0, 1, 1), (3.0, 1, 2), (0.8, 5, 1), (0.6, 20, 3), (2.0, 10, 4)]  # sigma, devices, shift
SKELLAMS = [(0.5, 1), (2.0, 1), (10.0, 3), (100.0, 10), (400.0, 5)]  # variance, shift
SAMPLINGS = [0.01, 0.2, 1.0]
ORDERS = [2, 3, 5, 8, 16, 1.5, 2.5, 7.3]


def event(rounds):
    parts = []
    for noise, sampling, count in rounds:
        gaussian = dp.GaussianDpEvent(noise)
        sampled = gaussian if sampling == 1 else dp.PoissonSampledDpEvent(sampling, gaussian)
        parts.append(dp.SelfComposedDpEvent(sampled, count))
    return dp.ComposedDpEvent(parts)


def epsilons(rounds, delta):
    rdp = rdp_privacy_accountant.RdpAccountant()
    pld = pld_privacy_accountant.PLDAccountant()
    composed = event(rounds)
    return rdp.compose(composed).get_epsilon(delta), pld.compose(composed).get_epsilon(delta)


def renyi(upper, lower, order):
    """log sum upper^order * lower^(1-order) / (order-1), over arrays of mpmath numbers."""
    total = mp.fsum(u**order * v ** (1 - order) for u, v in zip(upper, lower) if u > 0)
    return mp.log(total) / (order - 1)


def sampled_divergences(pmf, shift, reach):
    """Worst divergence of both directions, of a mechanism with these probabilities and this sensitivity."""
    values = range(-reach, reach + shift + 1)
    base = [pmf(x) for x in values]
    moved = [pmf(x - shift) for x in values]
    rows = []
    for sampling in SAMPLINGS:
        q = mp.mpf(sampling)
        mixed = [(1 - q) * b + q * m for b, m in zip(base, moved)]
        for order in ORDERS:
            worst = max(renyi(mixed, base, mp.mpf(order)), renyi(base, mixed, mp.mpf(order)))
            rows.append({"sampling": sampling, "order": order, "divergence": float(worst)})
    return rows


def discrete_gaussian_sum(sigma, devices, shift):
    """Probabilities of a sum of discrete Gaussians, by repeated convolution, as far out as the largest order looks."""
    reach = int(14 * sigma) + 3 + (max(ORDERS) * shift if devices == 1 else 0)
    one = [mp.exp(-mp.mpf(x) ** 2 / (2 * mp.mpf(sigma) ** 2)) for x in range(-reach, reach + 1)]
    total = mp.fsum(one)
    one = [p / total for p in one]
    summed = one
    for _ in range(devices - 1):
        summed = [
            mp.fsum(summed[i - j] * one[j] for j in range(max(0, i - len(summed) + 1), min(i, len(one) - 1) + 1))
            for i in range(len(summed) + len(one) - 1)
        ]
    offset = len(summed) // 2
    return lambda x: summed[x + offset] if abs(x) <= offset else mp.mpf(0), offset


def skellam(variance):
    mu = mp.mpf(variance)
    cache = {}

    def pmf(x):
        x = abs(x)
        if x not in cache:
            cache[x] = mp.exp(-mu) * mp.besseli(x, mu)
        return cache[x]

    return pmf


def main():
    mp.mp.dps = 60
    compositions = []
    for rounds, delta in COMPOSITIONS:
        rdp, pld = epsilons(rounds, delta)
        parts = [{"noiseMultiplier": n, "sampling": q, "rounds": k} for n, q, k in rounds]
        compositions.append({"parts": parts, "delta": delta, "epsilonRdp": rdp, "epsilonPld": pld})

    discrete = []
    for sigma, devices, shift in DISCRETE_GAUSSIANS:
        pmf, offset = discrete_gaussian_sum(sigma, devices, shift)
        rows = sampled_divergences(pmf, shift, offset - shift)
        discrete.append({"deviceStddev": sigma, "devices": devices, "shift": shift, "divergences": rows})

    skellams = []
    for variance, shift in SKELLAMS:
        reach = int(25 * variance**0.5) + 40
        rows = sampled_divergences(skellam(variance), shift, reach)
        skellams.append({"centralVariance": variance, "shift": shift, "divergences": rows})

    normal = []
    for x in [-38, -20.5, -8, -5, -3.3, -1, -0.7, -0.66, -0.3, 0, 1e-9, 0.2, 0.663, 0.9, 2.5, 5.65, 5.66, 7, 8.2]:
        cdf = mp.ncdf(mp.mpf(x))
        normal.append({"x": x, "cdf": float(cdf), "logCdf": float(mp.log(cdf))})

    out = {
        "source": "dp-accounting 0.6.0, mpmath 1.4.1; test/oracles/generate-dp-epsilon.py",
        "neighbouring": "add-or-remove one",
        "compositions": compositions,
        "discreteGaussians": discrete,
        "skellams": skellams,
        "normal": normal,
    }
    text = json.dumps(out, indent=1)
    pathlib.Path(__file__).with_name("dp-epsilon.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
