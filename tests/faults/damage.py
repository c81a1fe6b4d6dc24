"""Damage to a file, made by hypothesis: bytes flipped, cut out, doubled and put in; lines and words exchanged."""

import io
import random

import polars as pl
from hypothesis import strategies as st

NASTY = [
    "", " ", "NaN", "inf", "-1", "0", "1e400", "99999999999999999999999", "0x10", "1,5", "½", "２", "null", "None",
    "true", "9999-99-99", "2019-02-30", "0000-01-01", "2019-01-01T00:00:00Z", "Zoë", "İ", "ß", "\u202e", "\ufeff",
    "\0", "\r", "\r\n", "\n\n", '"', '""', "'", "'; DROP TABLE t; --", "$x", "{0}", "%s", "../../etc/passwd",
    "[", "]", "[[", "{", "}", "=", "#", "\\", "\\u0000", "*", "^A.*$", "a" * 5000, "(" * 200,
]  # fmt: skip
"""Words that programs trip over."""


def flip(content: bytes, at: int, draw: random.Random) -> bytes:
    changed = bytes([content[at] ^ 1 << draw.randrange(8)]) if content[at:] else b""
    return content[:at] + changed + content[at + 1 :]


def cut_out(content: bytes, at: int, draw: random.Random) -> bytes:
    return content[:at] + content[at + draw.randrange(1, 60) :]


def cut_off(content: bytes, at: int, draw: random.Random) -> bytes:
    return content[:at]


def double(content: bytes, at: int, draw: random.Random) -> bytes:
    end = at + draw.randrange(1, 200)
    return content[:end] + content[at:end] + content[end:]


def zeros(content: bytes, at: int, draw: random.Random) -> bytes:
    length = min(draw.randrange(1, 64), len(content) - at)
    return content[:at] + bytes(length) + content[at + length :]


def put_in(content: bytes, at: int, draw: random.Random) -> bytes:
    return content[:at] + draw.choice(NASTY).encode() + content[at:]


def replace_word(content: bytes, at: int, draw: random.Random) -> bytes:
    """Replace the word at a place: what stands between signs that separate."""
    separators = b",\n =[]{}\"'"
    begin = next((one + 1 for one in range(at - 1, -1, -1) if content[one : one + 1] in _each(separators)), 0)
    end = next((one for one in range(at, len(content)) if content[one : one + 1] in _each(separators)), len(content))
    return content[:begin] + draw.choice(NASTY).encode() + content[end:]


def _each(signs: bytes) -> set[bytes]:
    return {bytes([sign]) for sign in signs}


def exchange_lines(content: bytes, at: int, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def remove_line(content: bytes, at: int, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        lines.pop(draw.randrange(len(lines)))
    return b"".join(lines)


def double_line(content: bytes, at: int, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        one = draw.randrange(len(lines))
        lines.insert(one, lines[one])
    return b"".join(lines)


def encode_otherwise(content: bytes, at: int, draw: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(draw.choice(["utf-8-sig", "utf-16", "latin-1", "utf-7", "utf-32"]), "replace")


def end_lines_otherwise(content: bytes, at: int, draw: random.Random) -> bytes:
    return content.replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b"\0\n"]))


KINDS = [
    flip, cut_out, cut_off, double, zeros, put_in, replace_word, replace_word, exchange_lines, remove_line,
    double_line, encode_otherwise, end_lines_otherwise,
]  # fmt: skip

DAMAGES = st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1, exclude_max=True), st.integers(0, 2**32)),
                   min_size=1, max_size=3)  # fmt: skip


def damaged(content: bytes, damages: list) -> bytes:
    """Return a content after some damages; each is a kind, a place as a share of the content, and a seed."""
    for kind, place, seed in damages:
        content = kind(content, int(place * len(content)), random.Random(seed))
    return content


def as_parquet(rows: list[dict[str, str]]) -> bytes:
    """Return rows of texts as a Parquet file, not compressed, so that damage reaches values too."""
    out = io.BytesIO()
    pl.DataFrame(rows).write_parquet(out, compression="uncompressed")
    return out.getvalue()
