"""SipHash-2-4 byte by byte, as the paper states it: the oracle of `pipeline.siphash`."""

import hashlib
import hmac

_MASK = (1 << 64) - 1


def slow_siphash(key: bytes, message: bytes) -> int:
    """Return the hash of a message of any length, under a key of 16 bytes."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def left(word: int, bits: int) -> int:
        return ((word << bits) | (word >> (64 - bits))) & _MASK

    def rounds(number: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(number):
            v0, v2 = (v0 + v1) & _MASK, (v2 + v3) & _MASK
            v1, v3 = left(v1, 13) ^ v0, left(v3, 16) ^ v2
            v0 = left(v0, 32)
            v2, v0 = (v2 + v1) & _MASK, (v0 + v3) & _MASK
            v1, v3 = left(v1, 17) ^ v2, left(v3, 21) ^ v0
            v2 = left(v2, 32)

    whole = len(message) // 8 * 8
    last = message[whole:].ljust(7, b"\0") + bytes([len(message) % 256])
    padded = message[:whole] + last
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


def slow_composite(secret: bytes, domain: str, tokens: list[int]) -> int:
    """Return the token of a composite: SipHash of its parts under a key derived from the secret."""
    derived = hmac.new(secret, b"composite\x1f" + domain.encode(), hashlib.sha256).digest()[:16]
    return slow_siphash(derived, b"".join(token.to_bytes(8, "little") for token in tokens))
