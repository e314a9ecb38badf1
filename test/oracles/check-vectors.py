"""Computes everything in test/vectors/ once more, from docs/protocol.md alone, with nothing but Python's own library.

Arguments: the folder, and which files, all otherwise. Prints one line for each file; ends with an error that names the first value that differs.
"""

import base64
import hashlib
import hmac
import json
import math
import struct
import sys
from pathlib import Path

from primitives import (
    aes256_ctr,
    ed25519_public,
    ed25519_sign,
    ed25519_verify,
    hsalsa20,
    secretbox,
    x25519,
)

folder = Path(sys.argv[1])
PRIME = 2**26 - 5


def same(what, ours, theirs):
    if ours != theirs:
        raise SystemExit(f"{what}: computed {ours}, but the vector says {theirs}")


def unhex(text):
    return bytes.fromhex(text)


# --- transcripts and derivations -------------------------------------------------------------------------------------


def transcript(purpose, *fields):
    parts = [f"starling secure aggregation v1: {purpose}", *fields]
    out = b""
    for part in parts:
        if isinstance(part, str):
            part = part.encode()
        elif isinstance(part, (int, float)):
            part = struct.pack("<d", part)
        out += struct.pack("<I", len(part)) + part
    return out


def digest(purpose, *fields):
    return hashlib.sha256(transcript(purpose, *fields)).digest()


def hkdf(secret, salt, info):
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\1", "sha256")


def self_mask(secret, roster, device):
    return hkdf(secret, roster, transcript("self mask", device)), "add"


def pair_mask(shared, roster, device, neighbour):
    low, high = sorted((device, neighbour))
    key = hkdf(shared, roster, transcript("pair mask", low, high))
    return key, "add" if device < neighbour else "subtract"


def seal_nonce(roster, sender, recipient):
    return digest("seal nonce", roster, sender, recipient)[:24]


# --- the ring --------------------------------------------------------------------------------------------------------


def lane_bits(bits, block):
    """Word and bit positions: yields for each element of a block its list of (byte, bit)."""
    width = 16 if bits <= 16 else 32
    lanes = 128 // width
    for i in range(128):
        lane, number = i % lanes, i // lanes
        places = []
        for bit in range(bits):
            position = number * bits + bit
            word = position // width * lanes + lane
            at = word * width + position % width
            places.append((block * 16 * bits + at // 8, at % 8))
        yield places


def pack(elements, bits, total=None):
    blocks = -(-len(elements) // 128)
    out = bytearray(blocks * 16 * bits)
    padded = list(elements) + [0] * (128 * blocks - len(elements))
    for block in range(blocks):
        for i, places in enumerate(lane_bits(bits, block)):
            for bit, (byte, shift) in enumerate(places):
                out[byte] |= (padded[128 * block + i] >> bit & 1) << shift
    return bytes(out)


def unpack(packed, bits):
    elements = []
    for block in range(len(packed) // (16 * bits)):
        for places in lane_bits(bits, block):
            elements.append(sum((packed[byte] >> shift & 1) << bit for bit, (byte, shift) in enumerate(places)))
    return elements


def masked(elements, masks, bits):
    """All of the last block is masked, the zeros behind the last element too."""
    values = unpack(pack(elements, bits), bits)
    for key, sign in masks:
        stream = unpack(aes256_ctr(key, len(values) // 128 * 16 * bits), bits)
        factor = 1 if sign == "add" else -1
        values = [(value + factor * mask) % 2**bits for value, mask in zip(values, stream)]
    return values


# --- shares ----------------------------------------------------------------------------------------------------------


def share_values(secret, threshold, points, drawn):
    limbs = [int.from_bytes(secret[i : i + 3], "little") for i in range(0, 32, 3)]
    numbers = [int.from_bytes(drawn[i : i + 4], "little") % 2**26 for i in range(0, len(drawn), 4)]
    numbers = [number for number in numbers if number < PRIME]
    rows = [numbers[11 * power : 11 * power + 11] for power in range(threshold)]
    rows[0] = limbs
    return [
        [sum(row[limb] * pow(x, power, PRIME) for power, row in enumerate(rows)) % PRIME for limb in range(11)]
        for x in points
    ]


def pack_share(values):
    return sum(value << 26 * i for i, value in enumerate(values)).to_bytes(36, "little")


def open_shares(shares):
    """`shares` by x coordinate."""
    secret = 0
    for limb in range(11):
        value = 0
        for x, share in shares.items():
            y = int.from_bytes(share, "little") >> 26 * limb & 2**26 - 1
            factor = 1
            for other in shares:
                if other != x:
                    factor = factor * other * pow(other - x, -1, PRIME) % PRIME
            value = (value + y * factor) % PRIME
        secret += value << 24 * limb
    return secret.to_bytes(32, "little")


# --- chance that a seed decides --------------------------------------------------------------------------------------


class Stream:
    """`createSeededEntropy`."""

    def __init__(self, key):
        self.key, self.used = key, 0

    @staticmethod
    def of(text):
        return Stream(hashlib.sha256(b"starling seeded entropy\0text:" + text.encode()).digest())

    def fork(self, label):
        return Stream(hashlib.sha256(self.key + b"\0fork\0" + label.encode()).digest())

    def bytes(self, length):
        start, self.used = self.used, self.used + length
        first = start // 16
        return aes256_ctr(self.key, start + length - 16 * first, first)[start - 16 * first :]

    def integer(self, bound):
        while True:
            drawn = int.from_bytes(self.bytes(4), "little")
            if drawn < 2**32 - 2**32 % bound:
                return drawn % bound


# --- the graph -------------------------------------------------------------------------------------------------------


def share_of(fraction, devices):
    return math.floor(fraction * devices + 1e-9)


def hits(population, marked, drawn):
    """Ways to draw so many marked ones, by their number; together C(population, drawn)."""
    ways = [0] * (drawn + 1)
    first = max(0, drawn - (population - marked))
    last = min(marked, drawn)
    way = math.comb(marked, first) * math.comb(population - marked, drawn - first)
    for i in range(first, last + 1):
        ways[i] = way
        way = way * (marked - i) * (drawn - i) // ((i + 1) * (population - marked - drawn + i + 1))
    return ways


def security_threshold(n, degree, corrupt, sigma):
    """2t > k + c, where c collude: all who may in the complete graph, else fewer than c + 1 but for 2^-(σ+1) / n."""
    if degree == n - 1:
        return (degree + corrupt) // 2 + 1
    ways, total = hits(n - 1, corrupt, degree), math.comb(n - 1, degree)
    count, tail = degree + 1, 0
    while count > 0 and (tail + ways[count - 1]) * n << sigma + 1 <= total:
        count -= 1
        tail += ways[count]
    return (degree + max(0, count - 1)) // 2 + 1


def graph_parameters(n, gamma, delta, sigma, eta):
    """In whole numbers: nothing is rounded."""
    corrupt, dropped = share_of(gamma, n), share_of(delta, n)
    if n >= 32:
        bad = corrupt + dropped
        all_bad = math.comb(n, bad)
        for k in range(2, n - 1, 2):
            ways = math.comb(n - k, bad - k) if bad >= k else 0
            if n * (n - k - 1) * ways << sigma + 1 > 2 * all_bad:
                continue
            t = security_threshold(n, k, corrupt, sigma)
            if t > k:
                continue
            too_few = sum(hits(n - 1, n - 1 - dropped, k)[:t])
            if too_few * n << eta <= math.comb(n - 1, k):
                return k, t
    return n - 1, security_threshold(n, n - 1, corrupt, sigma)


def graph_order(devices, seed):
    stream = Stream.of("secure aggregation graph " + seed.hex())
    order = list(range(devices))
    for i in range(devices - 1, 0, -1):
        j = stream.integer(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def neighbours_of(devices, degree, order, device):
    if degree == devices - 1:
        return [other for other in range(devices) if other != device]
    place = order.index(device)
    steps = [d for d in range(-(degree // 2), degree // 2 + 1) if d]
    return sorted(order[(place + d) % devices] for d in steps)


# --- updates as integers ---------------------------------------------------------------------------------------------


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def floats(text):
    return list(struct.unpack(f"<{len(text) // 8}f", unhex(text)))


def float_hex(values):
    return struct.pack(f"<{len(values)}f", *values).hex()


def hadamard(vector, before, after):
    n = len(vector)
    sign = lambda bits, i: -1.0 if bits[i // 8] >> i % 8 & 1 else 1.0
    v = [value * sign(before, i) for i, value in enumerate(vector)]
    distance = 1
    while distance < n:
        for group in range(0, n, 2 * distance):
            for i in range(group, group + distance):
                v[i], v[i + distance] = f32(v[i] + v[i + distance]), f32(v[i] - v[i + distance])
        distance *= 2
    return [f32(value * sign(after, i) / math.sqrt(n)) if n & (n - 1) == 0 and math.isqrt(n) ** 2 == n
            else f32(value * (sign(after, i) * (1 / math.sqrt(n)))) for i, value in enumerate(v)]


def rotation_signs(length, seed):
    span = 2 ** (length.bit_length() - 1)
    stream = Stream.of("rotation " + seed.hex())
    size = -(-span // 8)
    return span, stream.fork("first").bytes(size), stream.fork("last").bytes(size)


def rotate(vector, seed):
    span, first, last = rotation_signs(len(vector), seed)
    none = bytes(len(first))
    out = hadamard(vector[:span], first, none) + vector[span:]
    if span != len(vector):
        out[-span:] = hadamard(out[-span:], last, none)
    return out


def rotate_back(vector, seed):
    span, first, last = rotation_signs(len(vector), seed)
    none = bytes(len(first))
    out = list(vector)
    if span != len(vector):
        out[-span:] = hadamard(out[-span:], none, last)
    out[:span] = hadamard(out[:span], none, first)
    return out


def layout_of(request):
    encoding, n = request["encoding"], request["cohort"]
    rotation, levels = encoding["rotation"], 2 ** (encoding["bits"] - 1) - 1
    if rotation["kind"] == "none":
        reach = 2 * levels * n
    else:
        reach = math.ceil(2 * levels * max(1, rotation["agreement"] * n) + 4 * math.sqrt(n))
    reach += math.ceil(12 * request.get("noiseStddevSteps", 0) * math.sqrt(n))
    cohort_bits = (n - 1).bit_length()
    bits = max(reach.bit_length(), cohort_bits + 1)
    digit_bits = bits - cohort_bits
    end = request["parameterCount"]
    fields = {}

    def field(largest):
        nonlocal end
        digits = -(-largest.bit_length() // digit_bits)
        end += digits
        return {"offset": end - digits, "digits": digits}

    for name, largest in (
        ("weight", request["weightMaximum"]),
        ("clipped", 1),
        ("metricsCut", 1),
        ("saturated", 2**16),
        ("squaredError", 2**40),
    ):
        fields[name] = field(largest)
    fields["metrics"] = [field(2 ** metric["bits"] - 1) for metric in request["metrics"]]
    if rotation["kind"] == "none":
        reach = f32(rotation["elementMaximum"])
    else:
        span = 2 ** (request["parameterCount"].bit_length() - 1)
        reach = 4 * encoding["clipNorm"] / math.sqrt(span)
    return {
        "ringBits": bits,
        "digitBits": digit_bits,
        "vectorLength": end,
        "step": reach / levels,
        "fields": fields,
    }


def encode(request, layout, contribution, seed):
    encoding = request["encoding"]
    delta, words = floats(contribution["delta"]), unhex(contribution["drawn"])
    norm = math.sqrt(sum(x * x for x in delta))
    factor = 1 if norm <= encoding["clipNorm"] else encoding["clipNorm"] / norm
    scale = factor * (contribution["weight"] / request["weightMaximum"])
    scaled = [f32(x * scale) for x in delta]
    cut = 0
    if encoding["rotation"]["kind"] == "none":
        limit = f32(encoding["rotation"]["elementMaximum"])
        cut = sum(abs(x) > limit for x in scaled)
        scaled = [max(-limit, min(limit, x)) for x in scaled]
    else:
        scaled = rotate(scaled, seed)
    step, bits = layout["step"], layout["ringBits"]
    vector = [0] * layout["vectorLength"]
    error = 0
    for i, x in enumerate(scaled):
        word = int.from_bytes(words[2 * i : 2 * i + 2], "little")
        value = x * (1 / step)
        rounded = math.floor(value + (word + 0.5) * 2**-16)
        error += (rounded - value) ** 2
        vector[i] = rounded % 2**bits
    metrics_cut = 0
    numbers = []
    for metric in request["metrics"]:
        value = contribution["metrics"][metric["name"]]
        low, high = metric["minimum"], metric["maximum"]
        metrics_cut |= value < low or value > high
        share = min(1, max(0, (value - low) / (high - low)))
        numbers.append(math.floor(share * (2 ** metric["bits"] - 1) + 0.5))
    relative = error * step * step / encoding["clipNorm"] ** 2
    fields = layout["fields"]
    written = [
        (fields["weight"], contribution["weight"]),
        (fields["clipped"], int(factor < 1)),
        (fields["metricsCut"], int(metrics_cut)),
        (fields["saturated"], math.floor(cut / len(scaled) * 2**16 + 0.5)),
        (fields["squaredError"], math.floor(min(1, relative) * 2**40 + 0.5)),
        *zip(fields["metrics"], numbers),
    ]
    for field, value in written:
        for i in range(field["digits"]):
            vector[field["offset"] + i] = value >> i * layout["digitBits"] & 2 ** layout["digitBits"] - 1
    return vector


def read_digits(vector, field, digit_bits):
    return sum(vector[field["offset"] + i] << i * digit_bits for i in range(field["digits"]))


def decode(request, layout, total, devices, seed):
    bits, fields = layout["ringBits"], layout["fields"]
    read = lambda field: read_digits(total, field, layout["digitBits"])
    weight = read(fields["weight"])
    scale = layout["step"] * request["weightMaximum"] / weight
    signed = [x - 2**bits if x >= 2 ** (bits - 1) else x for x in total[: request["parameterCount"]]]
    mean = [f32(x * scale) for x in signed]
    if request["encoding"]["rotation"]["kind"] == "hadamard":
        mean = rotate_back(mean, seed)
    metrics = {
        metric["name"]: devices * metric["minimum"]
        + read(field) * (metric["maximum"] - metric["minimum"]) / (2 ** metric["bits"] - 1)
        for metric, field in zip(request["metrics"], fields["metrics"])
    }
    return {
        "weight": weight,
        "mean": float_hex(mean),
        "metrics": metrics,
        "clipRate": read(fields["clipped"]) / devices,
    }


# --- one function a file ---------------------------------------------------------------------------------------------


def check_ring(v):
    for case in v["cases"]:
        same(f"ring of {case['ringBits']} bits", pack(case["elements"], case["ringBits"]).hex(), case["packed"])


def check_masks(v):
    for case in v["transcripts"]:
        fields = [unhex(f["bytes"]) if "bytes" in f else f.get("text", f.get("number")) for f in case["fields"]]
        same("transcript", transcript(case["purpose"], *fields).hex(), case["bytes"])
    for case in v["rounds"]:
        same("round", round_digest(case).hex(), case["hash"])
    secret, roster = unhex(v["secret"]), unhex(v["rosterHash"])
    for case in v["selfMasks"]:
        same("self mask", self_mask(secret, roster, case["device"])[0].hex(), case["key"])
    for case in v["pairMasks"]:
        key, sign = pair_mask(secret, roster, case["device"], case["neighbour"])
        same("pair mask", (key.hex(), sign), (case["key"], case["sign"]))
    device = v["commitment"]["device"]
    same("commitment", digest("commitment", roster, device, secret).hex(), v["commitment"]["digest"])
    nonce = v["sealNonce"]
    same("seal nonce", seal_nonce(roster, nonce["sender"], nonce["recipient"]).hex(), nonce["nonce"])
    for case in v["keyStreams"]:
        stream = aes256_ctr(unhex(case["key"]), len(case["bytes"]) // 2, case["firstBlock"])
        same("key stream", stream.hex(), case["bytes"])
    for case in v["masked"]:
        masks = [(unhex(mask["key"]), mask["sign"]) for mask in case["masks"]]
        packed = pack(masked(case["elements"], masks, case["ringBits"]), case["ringBits"])
        same(f"masked, {case['ringBits']} bits", packed.hex(), case["packed"])


def check_keys(v):
    agreement = v["agreement"]
    secrets = [unhex(key) for key in agreement["secretKeys"]]
    nine = (9).to_bytes(32, "little")
    publics = [x25519(secret, nine) for secret in secrets]
    same("public keys", [key.hex() for key in publics], agreement["publicKeys"])
    shared = x25519(secrets[0], publics[1])
    same("agreement", (shared.hex(), x25519(secrets[1], publics[0])), (agreement["shared"], shared))
    box = v["box"]
    same("box key", hsalsa20(shared).hex(), box["key"])
    sealed = secretbox(unhex(box["key"]), unhex(box["nonce"]), unhex(box["message"]))
    same("box", sealed.hex(), box["sealed"])
    s = v["signature"]
    same("identity", ed25519_public(unhex(s["seed"])).hex(), s["publicKey"])
    same("signature", ed25519_sign(unhex(s["seed"]), unhex(s["message"])).hex(), s["signature"])
    for case in v["weakPublicKeys"]:
        verdict = "refused" if x25519(secrets[0], unhex(case["key"])) == bytes(32) else "accepted"
        same(f"weak key {case['key']}", verdict, case["agreement"])


def check_shamir(v):
    same("prime", PRIME, v["prime"])
    for case in v["cases"]:
        values = share_values(unhex(case["secret"]), case["threshold"], case["points"], unhex(case["drawn"]))
        shares = [pack_share(value) for value in values]
        same("shares", [share.hex() for share in shares], case["shares"])
        chosen = list(zip(case["points"], shares))[: case["threshold"]]
        same("secret", open_shares(dict(chosen)).hex(), case["secret"])


def check_graph(v):
    for case in v["parameters"]:
        wanted = (case["degree"], case["threshold"])
        ours = graph_parameters(
            case["devices"],
            case["corruptFraction"],
            case["dropoutFraction"],
            case["securityBits"],
            case["correctnessBits"],
        )
        same(f"k and t for {case}", ours, wanted)
    for case in v["graphs"]:
        devices, degree = case["devices"], case["degree"]
        order = graph_order(devices, unhex(case["seed"])) if degree < devices - 1 else []
        same("order", order, case["order"])
        for device, neighbours in enumerate(case["neighbours"]):
            same(f"neighbours of {device}", neighbours_of(devices, degree, order, device), neighbours)


def check_encoding(v):
    seed = unhex(v["rotationSeed"])
    for case in v["rotations"]:
        vector = floats(case["vector"])
        same(f"rotation of {len(vector)}", float_hex(rotate(vector, seed)), case["rotated"])
    for case in v["encodings"]:
        layout = layout_of(case["request"])
        same("layout", layout, case["layout"])
        total = [0] * layout["vectorLength"]
        for contribution in case["contributions"]:
            vector = encode(case["request"], layout, contribution, seed)
            same("encoded", vector, contribution["vector"])
            total = [(a + b) % 2 ** layout["ringBits"] for a, b in zip(total, vector)]
        same("sum", total, case["sum"])
        same("decoded", decode(case["request"], layout, total, len(case["contributions"]), seed), case["decoded"])
    for case in v["layouts"]:
        same("layout", layout_of(case["request"]), case["layout"])


def round_digest(settings):
    need, privacy = settings["requirements"], settings["privacy"]
    noise = privacy.get("noise")
    return digest(
        "round",
        settings["run"],
        settings["round"],
        settings["attempt"],
        unhex(settings["planHash"]),
        unhex(settings["requestHash"]),
        settings["ringBits"],
        settings["vectorLength"],
        settings["cohortMinimum"],
        need["corruptFraction"],
        need["dropoutFraction"],
        need["securityBits"],
        need["correctnessBits"],
        privacy["kind"],
        privacy.get("epsilon", 0),
        privacy.get("delta", 0),
        *([noise["mechanism"], noise["noiseStddevSteps"], noise["sampling"]] if noise else []),
    )


def check_round(v):
    settings, clients, graph = v["round"], v["clients"], v["graph"]
    need, bits = settings["requirements"], settings["ringBits"]
    round_hash = round_digest(settings)
    n, k, t = len(clients), graph["degree"], graph["threshold"]
    wanted = graph_parameters(
        n, need["corruptFraction"], need["dropoutFraction"], need["securityBits"], need["correctnessBits"]
    )
    same("k and t", wanted, (k, t))
    nine = (9).to_bytes(32, "little")
    seal_secrets, mask_secrets, leaves = [], [], b""
    for client in clients:
        drawn, says = unhex(client["drawn"]["sealSecretThenMaskSecret"]), client["advertises"]
        seal_secrets.append(drawn[:32])
        mask_secrets.append(drawn[32:])
        same("round hash", round_hash.hex(), says["round"])
        same("seal key", x25519(drawn[:32], nine).hex(), says["sealKey"])
        same("mask key", x25519(drawn[32:], nine).hex(), says["maskKey"])
        keys = [unhex(says[name]) for name in ("certificate", "sealKey", "maskKey")]
        statement = transcript("keys", round_hash, client["device"], *keys)
        if not ed25519_verify(keys[0], statement, unhex(says["signature"])):
            raise SystemExit(f"the keys of {client['device']} are not signed")
        leaf = digest("leaf", statement, unhex(says["signature"]))
        same("leaf", leaf.hex(), client["leaf"])
        leaves += leaf
    same("leaves", leaves.hex(), v["leaves"])
    roster = digest("roster", round_hash, leaves, k, t)
    same("roster hash", roster.hex(), v["rosterHash"])
    order = graph_order(n, roster) if k < n - 1 else []
    neighbours = [neighbours_of(n, k, order, i) for i in range(n)]

    def survives(i):
        return unhex(v["survivors"])[i // 8] >> i % 8 & 1

    held = {}
    self_secrets = []
    for i, client in enumerate(clients):
        drawn = unhex(client["drawn"]["selfMaskSecretThenShares"])
        secret, half = drawn[:32], (len(drawn) - 32) // 2
        self_secrets.append(secret)
        same("commitment", digest("commitment", roster, i, secret).hex(), client["shares"]["commitment"])
        points = [peer + 1 for peer in neighbours[i]]
        of_self = share_values(secret, t, points, drawn[32 : 32 + half])
        of_mask = share_values(mask_secrets[i], t, points, drawn[32 + half :])
        same("who gets shares", [box["peer"] for box in client["shares"]["sealed"]], neighbours[i])
        for box, a, b in zip(client["shares"]["sealed"], of_self, of_mask):
            peer = box["peer"]
            held[peer, i] = pack_share(a), pack_share(b)
            key = hsalsa20(x25519(seal_secrets[i], unhex(clients[peer]["advertises"]["sealKey"])))
            plain = b"\1" + pack_share(a) + pack_share(b)
            same("box", secretbox(key, seal_nonce(roster, i, peer), plain).hex(), box["bytes"])
    total = [0] * settings["vectorLength"]
    statement = transcript("survivors", roster, unhex(v["survivors"]), unhex(v["dropouts"]))
    for i, client in enumerate(clients):
        masks = [self_mask(self_secrets[i], roster, i)]
        for peer in neighbours[i]:
            shared = x25519(mask_secrets[i], unhex(clients[peer]["advertises"]["maskKey"]))
            masks.append(pair_mask(shared, roster, i, peer))
        same("masks", [{"key": key.hex(), "sign": sign} for key, sign in masks], client["masks"])
        values = masked(client["vector"], masks, bits)
        same("masked update", pack(values, bits).hex(), client["packed"])
        if not survives(i):
            continue
        total = [(a + b) % 2**bits for a, b in zip(total, values)]
        key = unhex(client["advertises"]["certificate"])
        if not ed25519_verify(key, statement, unhex(client["survivorsSignature"])):
            raise SystemExit(f"{client['device']} did not sign the survivors")
        for kind, which in (("selfMasks", 0), ("maskKeys", 1)):
            wanted = [peer for peer in neighbours[i] if bool(survives(peer)) == (which == 0)]
            shares = [{"owner": peer, "share": held[i, peer][which].hex()} for peer in wanted]
            same(kind, shares, client["reveals"][kind])
    same("sum of what arrived", total, v["maskedSum"])
    for owner in range(n):
        holders = [i for i in neighbours[owner] if survives(i)][:t]
        kind = "selfMasks" if survives(owner) else "maskKeys"
        shares = {
            i + 1: unhex(next(s["share"] for s in clients[i]["reveals"][kind] if s["owner"] == owner)) for i in holders
        }
        secret = open_shares(shares)
        if survives(owner):
            masks = [self_mask(secret, roster, owner)]
        else:
            masks = [
                pair_mask(x25519(secret, unhex(clients[i]["advertises"]["maskKey"])), roster, i, owner)
                for i in neighbours[owner]
                if survives(i)
            ]
        for key, sign in masks:
            total = masked(total, [(key, "subtract" if sign == "add" else "add")], bits)[: len(total)]
    same("sum", total, v["sum"])
    plain = [sum(c["vector"][j] for i, c in enumerate(clients) if survives(i)) for j in range(len(total))]
    same("sum of the survivors' vectors", total, [value % 2**bits for value in plain])


def fields_of(message):
    """(number, bytes of the field with its tag, its content where it has a length) of a protobuf message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        start = at
        tag = varint()
        content = None
        if tag & 7 == 0:
            varint()
        elif tag & 7 == 2:
            length = varint()
            content = message[at : at + length]
            at += length
        else:
            at += 8 if tag & 7 == 1 else 4
        yield tag >> 3, message[start:at], content


def request_hash(assignment):
    def without(message, number):
        return b"".join(whole for at, whole, _ in fields_of(message) if at != number)

    shared = b""
    for number, whole, content in fields_of(assignment):
        if number in (1, 9):
            continue
        own = {7: 3, 12: 2}.get(number)
        if own is not None:
            content = without(content, own)
            whole = bytes([number << 3 | 2]) + varint_of(len(content)) + content
        shared += whole
    return hashlib.sha256(shared).digest()


def varint_of(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def check_plan(v):
    for case in v["requests"]:
        same("request", request_hash(unhex(case["assignment"])).hex(), case["hash"])
    for case in v["plans"]:
        sha = lambda text: hashlib.sha256(text.encode()).digest()
        message = (
            f"starling/v1/plan\0{case['taskName']}\0".encode()
            + struct.pack(">I", case["taskVersion"])
            + unhex(case["manifestSha256"])
            + sha(case["featureContractJson"])
            + sha(case["termsJson"])
        )
        same("plan", ed25519_sign(unhex(case["ownerSeed"]), message).hex(), case["signature"])
    for case in v["questions"]:
        message = (
            f"starling/v1/query\0{case['taskName']}\0".encode()
            + struct.pack(">IQ", case["taskVersion"], case["askedAtMs"])
            + sha(case["queryJson"])
            + sha(case["termsJson"])
        )
        same("question", ed25519_sign(unhex(case["ownerSeed"]), message).hex(), case["signature"])
    token = v["token"]
    _, name, secret, authority = token["text"].split(".")
    decode64 = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    same("token", (name, decode64(secret).hex(), decode64(authority).hex()),
         (token["tokenId"], token["secret"], token["authoritySha256"]))


def sketch(values):
    cells = {}
    for value in values:
        for level in range(8):
            for row in range(5):
                h = (value % 2**32 >> 28 - 4 * level) ^ 0x9E3779B1 * (5 * level + row + 1) % 2**32
                for _ in range(2):
                    h = 0x85EBCA6B * (h ^ h >> 16) % 2**32
                    h = 0xC2B2AE35 * (h ^ h >> 13) % 2**32
                    h = ((h ^ h >> 16) + 0x27D4EB2F * (row + 1)) % 2**32
                cell = (5 * level + row) * 512 + (h >> 1) % 512
                cells[cell] = cells.get(cell, 0) + (1 if h % 2 == 0 else -1)
    return cells


def answer_to(statistic, values):
    kind = statistic["kind"]
    if kind == "count":
        return [len(values)]
    low, high = statistic["minimum"], statistic["maximum"]
    if kind in ("histogram", "quantiles"):
        bins = statistic["bins"]
        counts = [0] * (bins + 2)
        for x in values:
            inside = 1 + min(bins - 1, math.floor((x - low) / (high - low) * bins))
            counts[0 if x < low else bins + 1 if x > high else inside] += 1
        return counts
    v = [2 * (min(high, max(low, x)) - low) / (high - low) - 1 for x in values]
    return [len(values), sum(v), sum(x * x for x in v)][: 3 if kind == "variance" else 2]


def check_questions(v):
    values = v["values"]
    for case in v["questions"]:
        statistic = case["statistic"]
        asked = {"column": "reading.2", "statistic": dict(sorted(statistic.items())), "valuesMax": 16}
        same("question", json.dumps(asked, separators=(",", ":")), case["question"])
        if statistic["kind"] == "heavy-hitters":
            cells = {0: len(values)} | {1 + cell: count for cell, count in sketch(values).items()}
            ours = [[cell, count] for cell, count in sorted(cells.items()) if count != 0]
            same("sketch", (1 + 8 * 5 * 512, ours), (case["length"], case["cells"]))
        else:
            same(statistic["kind"], float_hex(answer_to(statistic, values)), case["vector"])


checks = {
    "ring": check_ring,
    "masks": check_masks,
    "keys": check_keys,
    "shamir": check_shamir,
    "graph": check_graph,
    "encoding": check_encoding,
    "round": check_round,
    "plan": check_plan,
    "questions": check_questions,
}
for name in sys.argv[2:] or checks:
    checks[name](json.loads((folder / f"{name}.json").read_text()))
    print(f"{name}: as computed here", flush=True)
