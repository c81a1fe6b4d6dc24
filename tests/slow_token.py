"""Tokens by the standard library's own HMAC, one at a time: the oracle of `pipeline.keys`."""

import hashlib
import hmac


def key_of_domain(secret: bytes, domain: str) -> str:
    """Return the hexadecimal digits under which the texts of a domain are hashed."""
    return hmac.new(secret, b"token\x1f" + domain.encode(), hashlib.sha256).hexdigest()


def slow_token(secret: bytes, domain: str, text: str) -> int:
    """Return the token of a text: the first 64 bits of its HMAC-SHA256 under the key of its domain."""
    digest = hmac.new(key_of_domain(secret, domain).encode(), text.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big")
