"""SipHash-2-4 of columns of words, against the vectors of its paper and against a loop over bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_siphash import slow_composite, slow_siphash

from pipeline.keys import PseudonymisationKey
from pipeline.siphash import _BLOCK, siphash

WORD = st.integers(0, 2**64 - 1)
KEY = bytes(range(16))
HALVES = (int.from_bytes(KEY[:8], "little"), int.from_bytes(KEY[8:], "little"))


@pytest.mark.parametrize(("size", "expected"), [(8, 0x93F5F5799A932462), (16, 0x3F2ACC7F57C29BDB)])
def test_the_vectors_of_the_paper(size, expected):
    """The reference implementation's vectors for messages 00 01 02 ... of 8 and 16 bytes."""
    message = bytes(range(size))
    words = [np.array([int.from_bytes(message[at : at + 8], "little")], dtype=np.uint64) for at in range(0, size, 8)]
    assert siphash(HALVES, words).tolist() == [expected]
    assert slow_siphash(KEY, message) == expected


def test_the_oracle_agrees_with_the_example_in_the_paper():
    """Appendix A of the paper: fifteen bytes."""
    assert slow_siphash(KEY, bytes(range(15))) == 0xA129CA6149BE45E5


@settings(max_examples=50, deadline=None)
@given(st.tuples(WORD, WORD), st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[WORD] * n), max_size=6)))
def test_every_row_is_the_hash_of_its_words(key, rows):
    columns = [np.array([row[at] for row in rows], dtype=np.uint64) for at in range(len(rows[0]) if rows else 1)]
    secret = b"".join(half.to_bytes(8, "little") for half in key)
    expected = [slow_siphash(secret, b"".join(word.to_bytes(8, "little") for word in row)) for row in rows]
    assert siphash(key, columns).tolist() == expected


def test_rows_beyond_one_block_are_hashed_alike():
    words = np.arange(_BLOCK + 3, dtype=np.uint64)
    hashed = siphash(HALVES, [words, words])
    assert hashed[[0, -1]].tolist() == [
        slow_siphash(KEY, number.to_bytes(8, "little") * 2) for number in (0, _BLOCK + 2)
    ]
    assert len(np.unique(hashed)) == len(hashed)


def test_a_composite_depends_on_the_key_the_domain_and_the_order_of_its_parts():
    one, other = (PseudonymisationKey(bytes([byte]) * 32) for byte in (1, 2))
    parts = [np.array([5, 7], dtype=np.uint64), np.array([6, 8], dtype=np.uint64)]
    found = {
        "as it is": one.composites("house_street", parts),
        "another key": other.composites("house_street", parts),
        "another domain": one.composites("house_postcode", parts),
        "another order": one.composites("house_street", parts[::-1]),
    }
    assert len({token for tokens in found.values() for token in tokens.tolist()}) == 8
    assert found["as it is"].tolist() == [
        slow_composite(b"\1" * 32, "house_street", [5, 6]), slow_composite(b"\1" * 32, "house_street", [7, 8]),
    ]  # fmt: skip
