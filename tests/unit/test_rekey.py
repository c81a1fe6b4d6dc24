"""Tokens under another key: what was equal stays equal, nothing else is left, and the links are the same."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from link_population import Population, context_of, key_of

from flows.rekey import rekeyed
from linkage.link import link

TABLE = pl.DataFrame(
    {
        "subject_id": [1, 2, 3, 4],
        "sex": ["F", "M", None, "F"],
        "given_name": pl.Series([5, None, 5, 2**64 - 1], dtype=pl.UInt64),
        "name_parts": pl.Series([[5, 7], [], None, [7]], dtype=pl.List(pl.UInt64)),
    }
)


def test_equal_tokens_stay_equal_in_columns_and_lists_and_nothing_else_changes():
    found = rekeyed(TABLE, key_of("second"))
    assert found.schema == TABLE.schema
    assert found.select("subject_id", "sex").equals(TABLE.select("subject_id", "sex"))
    given, parts = found["given_name"].to_list(), found["name_parts"].to_list()
    assert given[1] is None
    assert given[0] == given[2] == parts[0][0] != given[3]
    assert parts[1:3] == [[], None]
    assert parts[0][1] == parts[3][0]
    assert not {5, 7, 2**64 - 1} & {given[0], given[3], *parts[0]}


def test_another_key_gives_other_tokens_and_the_same_key_the_same():
    again = rekeyed(TABLE, key_of("second"))
    assert again.equals(rekeyed(TABLE, key_of("second")))
    assert again["given_name"][0] != rekeyed(TABLE, key_of("third"))["given_name"][0]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A population's tokens, and the same under another key."""
    folder = tmp_path_factory.mktemp("rekey")
    first = Population(1500, seed=6).write(folder / "first")
    second = folder / "second"
    shutil.copytree(first, second)
    for path in (*second.glob("tokens/*.parquet"), *second.glob("records/*.parquet")):
        rekeyed(pl.read_parquet(path), key_of("second")).write_parquet(path)
    return first, second


def test_no_token_is_shared(both):
    def tokens(folder):
        found = set()
        for path in (*folder.glob("tokens/*.parquet"), *folder.glob("records/*.parquet")):
            table = pl.read_parquet(path)
            for name, kind in table.schema.items():
                if kind == pl.List(pl.UInt64):
                    found |= set(table[name].explode().drop_nulls().to_list())
                elif kind == pl.UInt64:
                    found |= set(table[name].drop_nulls().to_list())
        return found

    first, second = (tokens(folder) for folder in both)
    assert len(first) == len(second) > 5000
    assert not first & second


def test_the_second_recipient_has_the_same_links(both, tmp_path):
    outs = []
    for number, ingest in enumerate(both):
        context = context_of(tmp_path / str(number), ingest)
        link(context)
        outs.append(context.out)
    for name in sorted(path.name for path in outs[0].glob("*.parquet")):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name


def test_the_key_shows_nowhere_in_its_object():
    key = key_of("second")
    tokens = key.again(np.arange(3, dtype=np.uint64))
    assert len(set(tokens.tolist())) == 3
    assert json.dumps(repr(key)) == '"PseudonymisationKey(redacted)"'
