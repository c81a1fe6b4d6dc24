"""The local authorities of England and Wales: codes, regions and published sums."""

import polars as pl
import pytest

from synthetic_data.country.tables import table

MID_2010 = {
    "E12000001": 2_587, "E12000002": 7_020, "E12000003": 5_255, "E12000004": 4_507, "E12000005": 5_566,
    "E12000006": 5_807, "E12000007": 8_061, "E12000008": 8_578, "E12000009": 5_261, "W92000004": 3_050,
}  # fmt: skip
"""Thousands of residents (ONS, Mid-year population estimates, mid-2010, as revised after the 2011 Census)."""


def test_every_authority_of_april_2020_occurs_once_without_empty_fields() -> None:
    authorities = table("local_authorities")
    assert len(authorities) == authorities["authority"].n_unique() == authorities["name"].n_unique() == 336
    assert authorities.null_count().sum_horizontal().sum() == 0
    assert authorities["authority"].str.contains(r"^(E0[6-9]|W06)\d{6}$").all()
    kinds = authorities.group_by(pl.col("authority").str.head(3)).len()
    assert dict(kinds.iter_rows()) == {"E06": 57, "E07": 188, "E08": 36, "E09": 33, "W06": 22}


def test_every_region_is_a_known_area_with_its_published_residents() -> None:
    residents = table("local_authorities").group_by("region").agg(pl.col("residents").sum() / 1000)
    assert dict(residents.iter_rows()) == pytest.approx(MID_2010, abs=1)
    welsh = pl.col("authority").str.starts_with("W") == (pl.col("region") == "W92000004")
    london = pl.col("authority").str.starts_with("E09") == (pl.col("region") == "E12000007")
    assert table("local_authorities").select((welsh & london).all()).item()


def test_flows_of_the_authorities_add_up_to_the_published_ones() -> None:
    """Moves inside England and Wales enter as often as they leave; the small rest goes to and comes from Scotland
    and Northern Ireland. Over half a million a year came from abroad."""
    sums = table("local_authorities").select(pl.col("newcomers", "leavers", "moves_in", "moves_out").sum()).row(0)
    newcomers, leavers, moves_in, moves_out = sums
    assert newcomers == pytest.approx(540_000, rel=0.01)
    assert leavers == pytest.approx(303_000, rel=0.01)
    assert moves_in == pytest.approx(moves_out, rel=0.01)
    flows = table("local_authorities").select(
        "residents", "newcomers", "leavers", "moves_in", "moves_out", "students"
    )
    assert min(flows.min().row(0)) >= 0


def test_students_are_where_universities_are() -> None:
    students = table("local_authorities").filter(pl.col("students") > 0)
    assert 80 <= len(students) <= 120
    assert students["students"].sum() == pytest.approx(1_600, rel=0.1)
    assert {"Oxford", "Cambridge", "Cardiff", "Manchester", "Ceredigion"} <= set(students["name"])


def test_the_shares_of_the_regions_are_those_of_their_authorities() -> None:
    areas = table("areas")
    residents = table("local_authorities").group_by("region").agg(pl.col("residents").sum())
    shares = residents.select("region", pl.col("residents") / pl.col("residents").sum())
    assert dict(areas.select("area", "share").iter_rows()) == pytest.approx(dict(shares.iter_rows()), abs=5.1e-5)
    assert areas["share"].sum() == pytest.approx(1.0, abs=1e-9)
    assert areas["area"].to_list() == sorted(MID_2010)
    assert areas.null_count().sum_horizontal().sum() == 0
