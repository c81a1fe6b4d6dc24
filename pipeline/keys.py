"""The pseudonymisation key: where it is read from, and its one use (keyed hashes).

Tokens are HMAC-SHA256 (RFC 2104, FIPS 198-1) of a text, cut to 64 bits. That of a composite is SipHash-2-4 of the
tokens of its parts. Both are made under a key of their domain, which is itself an HMAC under the secret key: neither
that key nor the one of another domain follows from it (key derivation by a pseudorandom function, NIST SP 800-108).
The secret key exists only in the two hash states below: no attribute, `repr`, message, file or library has it.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl
import polars_hash

from pipeline.errors import UserError
from pipeline.siphash import siphash
from pipeline.study import Study

KEY_FILE_VARIABLE = "SOJOURN_KEY_FILE"
KEY_VARIABLE = "SOJOURN_KEY"
SYNTHETIC_MARK = "SYNTHETIC ONLY"
MINIMUM_BYTES = 32
SEPARATOR = b"\x1f"
HOW_TO_MAKE_ONE = (
    'A key is at least 32 random bytes in hexadecimal: python -c "import secrets; print(secrets.token_hex(32))"'
)

_BLOCK = 64  # block size of SHA-256 in bytes


class PseudonymisationKey:
    """A secret key, ready to hash. It cannot be shown, pickled, copied or compared."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes) -> None:
        padded = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def __repr__(self) -> str:
        return "PseudonymisationKey(redacted)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pseudonymisation key is never pickled or copied")

    @property
    def key_id(self) -> str:
        """Sixteen hexadecimal digits that identify the key without revealing it; safe to publish."""
        return self._hash(b"key id").hex()[:16]

    def _hash(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def tokens(self, domain: str, texts: pl.Series) -> pl.Series:
        """Return the 64-bit token (UInt64) of each text of a series, in order; null for null.

        The key is one of the domain, so that equal texts of different kinds have different tokens. It is an argument
        of the compiled expression, and neither a plan nor an error of Polars shows any; no variable here has it.
        """
        digest = polars_hash.col("token").chash.hmac_sha256(
            key=self._hash(b"token" + SEPARATOR + domain.encode()).hex()
        )
        try:
            return texts.alias("token").to_frame().select(_first_64_bits(digest)).to_series()
        except pl.exceptions.PolarsError as error:
            fault = type(error).__name__
        # raised outside the handler: the message of a library, and a traceback, may quote what it was given
        raise RuntimeError(f"the values of '{domain}' cannot be hashed: {fault} of a series of {texts.dtype}")

    def composites(self, domain: str, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the 64-bit token of each row of `parts`, which are columns of tokens (uint64)."""
        derived = self._hash(b"composite" + SEPARATOR + domain.encode())
        halves = (int.from_bytes(derived[:8], "little"), int.from_bytes(derived[8:16], "little"))
        return siphash(halves, parts)

    def again(self, tokens: np.ndarray) -> np.ndarray:
        """Return another token (uint64) for each token: equal ones for equal ones, of which nothing leads back."""
        return self.composites("again", [tokens.astype(np.uint64)])


def _first_64_bits(digest: pl.Expr) -> pl.Expr:
    """Return the number (UInt64) that the first 16 hexadecimal digits of a digest are."""
    return digest.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)


def token(key: PseudonymisationKey, domain: str, value: str) -> int:
    """Return the token of one standardised value."""
    return key.tokens(domain, pl.Series([value])).item()


def read_key(study: Study) -> PseudonymisationKey:
    """Return the study's key: its `key_file`, else the file in SOJOURN_KEY_FILE, else the hex in SOJOURN_KEY.

    A key file contains hexadecimal digits; blank lines and lines that begin with `#` are ignored. Raises
    `UserError`, which never shows any part of the key, if it is missing, malformed or too short, or if a key
    marked synthetic is used on a study that is not.
    """
    if study.key_file is not None:
        return key_from_file(
            study.resolve(study.key_file, confined=False), study, f"named by 'key_file' in {study.path}"
        )
    if os.environ.get(KEY_FILE_VARIABLE):
        path = Path(os.environ[KEY_FILE_VARIABLE]).expanduser()
        return key_from_file(path, study, f"named by {KEY_FILE_VARIABLE}")
    if os.environ.get(KEY_VARIABLE):
        return key_from_text(os.environ[KEY_VARIABLE], f"the environment variable {KEY_VARIABLE}")
    raise UserError(
        f"{study.path}: there is no pseudonymisation key. Name a file in 'key_file', or set {KEY_FILE_VARIABLE} "
        f"(a file) or {KEY_VARIABLE}. {HOW_TO_MAKE_ONE}"
    )


def key_from_file(path: Path, study: Study, named_by: str) -> PseudonymisationKey:
    """Return the key of a file; `named_by` says in messages where the file is named. Raises `UserError`."""
    text = text_of_key_file(path, named_by)
    if SYNTHETIC_MARK in text and not study.synthetic:
        raise UserError(
            f"{path}: this key was made for synthetic data, and {study.path} is not marked 'synthetic = true'. "
            f"Use a secret key of your own. {HOW_TO_MAKE_ONE}"
        )
    return key_from_text(text, str(path))


def text_of_key_file(path: Path, named_by: str) -> str:
    """Return the text of a key file; raises `UserError`, which shows nothing of it, if it cannot be read."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise UserError(f"{path}: no such key file, although it is {named_by}. {HOW_TO_MAKE_ONE}") from None
    except OSError as error:
        reason = error.strerror
        raise UserError(f"{path}: the key file cannot be read ({reason}). Correct its path or permissions.") from None
    except UnicodeDecodeError:
        text = None  # the error would quote bytes of the key
    if text is None:
        raise UserError(f"{path}: not a key file: it contains more than hexadecimal digits. {HOW_TO_MAKE_ONE}")
    return text


def key_from_text(text: str, where: str) -> PseudonymisationKey:
    """Return the key that a text has in hexadecimal digits; blank lines and lines that begin with `#` are ignored.

    Raises `UserError`, which shows nothing of the text but names `where` it stands.
    """
    digits = "".join(line for line in map(str.strip, text.splitlines()) if not line.startswith("#"))
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = None  # raised outside the handler, so that no traceback leads back to the text
    if secret is None:
        raise UserError(f"{where}: not a key: it must be hexadecimal digits, two for each byte. {HOW_TO_MAKE_ONE}")
    if len(secret) < MINIMUM_BYTES:
        raise UserError(
            f"{where}: the key has {len(secret)} bytes; it needs at least {MINIMUM_BYTES}. {HOW_TO_MAKE_ONE}"
        )
    return PseudonymisationKey(secret)
