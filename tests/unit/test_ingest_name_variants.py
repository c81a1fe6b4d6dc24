"""A variant stands for a few names, and two names agree if they share one."""

from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.ingest.name_variants import MOST_NAMES, SHIPPED, canonical, read_name_variants
from pipeline.ingest.names import parts_of_name
from synthetic_data.country.tables import table


@pytest.fixture(scope="module")
def shipped() -> pl.DataFrame:
    return read_name_variants(SHIPPED)


def written(folder: Path, text: str) -> Path:
    path = folder / "variants.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_part_stands_for_its_names_and_for_itself_if_it_is_one():
    variants = pl.DataFrame({"name": ["ROBERT", "ALBERT", "ALBERT"], "variant": ["BERT", "BERT", "ROBERT"]})
    parts = pl.Series("part", ["BERT", "ROBERT", "ALBERT", "SMITH", None])
    names = canonical(parts, variants)
    assert names.to_list() == [["ROBERT", "ALBERT"], ["ROBERT", "ALBERT"], ["ALBERT"], ["SMITH"], None]
    assert names.name == "part"
    assert canonical(parts.clear(), variants).dtype == pl.List(pl.String)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kate", "Katherine"), ("Bill", "William"), ("Liz", "Beth"), ("Mohammed", "Muhammad"), ("Mehmet", "Mohamed"),
        ("Gamal", "Jamal"), ("محمد", "Mohammed"), ("Chang", "Zhang"), ("王", "Wong"),
    ],
)  # fmt: skip
def test_variants_agree(shipped, one, other):
    names = canonical(parts_of_name(pl.Series([one, other])).list.join(""), shipped)
    assert set(names[0]) & set(names[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [("Kate", "William"), ("Robert", "Albert"), ("Gilbert", "Herbert"), ("Christina", "Christopher")],
)
def test_two_names_with_a_nickname_in_common_stay_two(shipped, one, other):
    names = canonical(pl.Series([one.upper(), other.upper()]), shipped)
    assert not set(names[0]) & set(names[1])


def test_the_shipped_table_is_in_standard_form_and_sorted(shipped):
    as_written = pl.read_csv(SHIPPED)
    assert shipped.equals(as_written)
    assert as_written.sort("name", "variant").equals(as_written)
    assert as_written.group_by("variant").len()["len"].max() <= MOST_NAMES


def test_the_shipped_table_does_not_come_from_the_simulator(shipped):
    """The simulator's pairs would be found in it nearly all; independent tables share the well-known ones alone."""
    pairs = table("name_variants").select(
        parts_of_name(table("name_variants")[column]).list.join("").alias(column) for column in ("name", "variant")
    )
    found = pairs.join(shipped, on=["name", "variant"], how="semi").height
    assert found < 0.3 * pairs.height


def test_a_table_of_the_user_is_brought_to_standard_form(tmp_path):
    path = written(tmp_path, "name,variant\nJosé,Pepe\nDe la Cruz,Cruz\n")
    assert read_name_variants(path).rows() == [("JOSE", "PEPE"), ("DELACRUZ", "CRUZ")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("full,short\nA,B\n", r"variants.csv: the headers are full, short; write name,variant"),
        ("name,variant\nRobert,Bob\nRobert,\n", r"variants.csv, row 3: 'ROBERT,None' has no name under 'variant'"),
        ("name,variant\nMary Ann,May\n", r"row 2: 'Mary Ann,May' has more than one part under 'name'"),
        ("name,variant\nJosé,Jose\n", r"row 2: 'JOSE,JOSE' gives a name as its own variant"),
        ("name,variant\nAnn,Nan\nANN,Nán\n", r"row 3: 'ANN,NAN' repeats another row"),
        ("name,variant\n" + "".join(f"{one}bert,Bert\n" for one in ("Al", "Hu", "Gil", "Her", "Nor")),
         r"row 6: 'NORBERT,BERT' gives its variant more than 4 names"),
    ],
)  # fmt: skip
def test_mistakes_in_a_table_are_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_name_variants(written(tmp_path, text))


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_name_variants(tmp_path / "none.csv")
