"""AES-256, X25519, Ed25519 and NaCl's secretbox from their specifications, in plain Python: slow, short, and nobody else's.

FIPS 197; RFC 7748; RFC 8032; Bernstein, "Cryptography in NaCl" and "Extending the Salsa20 nonce".
"""

import hashlib
import struct

# --- AES-256, encryption only, in counter mode -----------------------------------------------------------------------


def _xtime(a):
    return ((a << 1) ^ 0x1B) & 0xFF if a & 0x80 else a << 1


def _sbox():
    # Multiplicative inverses by powers of the generator 3, then the affine map.
    power, log = [], {}
    value = 1
    for exponent in range(255):
        power.append(value)
        log[value] = exponent
        value ^= _xtime(value)
    box = []
    for byte in range(256):
        inverse = power[-log[byte] % 255] if byte else 0
        result = 0x63
        for shift in range(5):
            result ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        box.append(result)
    return box


SBOX = _sbox()


def _round_keys(key):
    words = [list(key[i : i + 4]) for i in range(0, 32, 4)]
    constant = 1
    for i in range(8, 60):
        word = list(words[i - 1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _xtime(constant)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[4 * r : 4 * r + 4], []) for r in range(15)]


def aes256_ctr(key, length, first_block=0):
    """The key stream of a zero nonce."""
    keys = _round_keys(key)
    stream = bytearray()
    block = first_block
    while len(stream) < length:
        state = [a ^ b for a, b in zip(block.to_bytes(16, "big"), keys[0])]
        for number in range(1, 15):
            state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
            if number < 14:
                mixed = []
                for column in range(0, 16, 4):
                    a = state[column : column + 4]
                    for i in range(4):
                        doubled = _xtime(a[i] ^ a[(i + 1) % 4])
                        mixed.append(a[i] ^ a[0] ^ a[1] ^ a[2] ^ a[3] ^ doubled)
                state = mixed
            state = [a ^ b for a, b in zip(state, keys[number])]
        stream += bytes(state)
        block += 1
    return bytes(stream[:length])


# --- Curve25519 ------------------------------------------------------------------------------------------------------

P = 2**255 - 19


def x25519(secret, public):
    k = bytearray(secret)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k = int.from_bytes(k, "little")
    u = int.from_bytes(public, "little") % 2**255 % P
    x1, x2, z2, x3, z3 = u, 1, 0, u, 1
    swap = 0
    for t in reversed(range(255)):
        bit = (k >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a, b * b
        e = aa - bb
        da, cb = (x3 - z3) * a, (x3 + z3) * b
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


D = -121665 * pow(121666, P - 2, P) % P
L = 2**252 + 27742317777372353535851937790883648493


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(k, p):
    q = (0, 1, 1, 0)
    while k > 0:
        if k & 1:
            q = _add(q, p)
        p = _add(p, p)
        k >>= 1
    return q


def _recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        raise ValueError("not a point")
    return P - x if x & 1 != sign else x


def _decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y % 2**255
    x = _recover_x(y, sign)
    return x, y, 1, x * y % P


def _compress(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _recover_x(_BASE_Y, 0)
BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _sha512_int(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expand(seed):
    h = bytearray(hashlib.sha512(seed).digest())
    h[0] &= 248
    h[31] = (h[31] & 127) | 64
    return int.from_bytes(h[:32], "little"), bytes(h[32:])


def ed25519_public(seed):
    return _compress(_multiply(_expand(seed)[0], BASE))


def ed25519_sign(seed, message):
    scalar, prefix = _expand(seed)
    public = ed25519_public(seed)
    r = _sha512_int(prefix, message) % L
    point = _compress(_multiply(r, BASE))
    s = (r + _sha512_int(point, public, message) * scalar) % L
    return point + s.to_bytes(32, "little")


def ed25519_verify(public, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    h = _sha512_int(signature[:32], public, message) % L
    right = _add(_decompress(signature[:32]), _multiply(h, _decompress(public)))
    return _compress(_multiply(s, BASE)) == _compress(right)


# --- XSalsa20-Poly1305 -----------------------------------------------------------------------------------------------

_SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def _salsa_rounds(key, block):
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", block)
    start = [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]
    x = list(start)

    def quarter(a, b, c, d):
        for target, left, right, turn in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
            total = (x[left] + x[right]) & 0xFFFFFFFF
            x[target] ^= ((total << turn) | (total >> (32 - turn))) & 0xFFFFFFFF

    for _ in range(10):
        for column in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            quarter(*column)
        for row in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(*row)
    return start, x


def hsalsa20(key, block=bytes(16)):
    _, x = _salsa_rounds(key, block)
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def secretbox(key, nonce, message):
    subkey = hsalsa20(key, nonce[:16])
    stream = b""
    for counter in range((32 + len(message)) // 64 + 1):
        start, x = _salsa_rounds(subkey, nonce[16:] + struct.pack("<Q", counter))
        stream += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, x)))
    sealed = bytes(a ^ b for a, b in zip(message, stream[32:]))
    r = int.from_bytes(stream[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    tag = 0
    for i in range(0, len(sealed), 16):
        tag = (tag + int.from_bytes(sealed[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    tag = (tag + int.from_bytes(stream[16:32], "little")) % 2**128
    return tag.to_bytes(16, "little") + sealed
