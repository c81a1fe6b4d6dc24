"""Verdicts on people who were drawn: what contradicts the links, what a second look takes back, what is not used."""

import polars as pl
import pytest

from linkage.quality_by_decisions import review_of_links, with_decisions
from linkage.review_verdicts import first_rows, judge, named_files, read_decisions
from linkage.score import score_review

CLUSTERS = pl.DataFrame(
    [("a", 1, 1), ("a", 2, 2), ("a", 3, 3), ("a", 4, 4), ("s", 1, 1), ("s", 2, 2), ("s", 3, 5), ("s", 4, 6)],
    schema=["source", "subject_id", "person_id"], orient="row",
)  # fmt: skip
"""Subjects 1 and 2 of a are linked with 1 and 2 of s; 3 and 4 of either are alone."""
LEDGER = [("a", "as", "a.csv", "1" * 64), ("s", "ss", "s.csv", "2" * 64), ("link_review", "v", "v.csv", "3" * 64)]
SAMPLE = [
    (f"D000{one}", "a.csv", one, "s", "a linked 0" if one < 3 else "a apart unseen", 5.0) for one in range(1, 5)
]


@pytest.fixture
def reviewed(tmp_path):
    """Returns the decisions on the four people of a; row n of either file is subject n, row 9 of s.csv is nobody."""

    def read(*verdicts, ledger=LEDGER):
        def write(name, rows, columns):
            path = tmp_path / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            pl.DataFrame(rows, schema=columns, orient="row").write_parquet(path)

        write("ledger", ledger, ["source", "extract", "file", "sha256"])
        for extract, file in (("as", "a.csv"), ("ss", "s.csv")):
            write(f"rows/{extract}", [(1, file, 1, 4)], ["record_id", "file", "row_number", "rows"])
            write(f"records/{extract}", [(one, one) for one in range(1, 5)], ["record_id", "subject_id"])
        write("records/link_review_sample", SAMPLE,
              ["decision", "drawn_file", "drawn_row", "searched", "stratum", "weight"])  # fmt: skip
        write("records/link_review_files", [row[2:] for row in LEDGER[:2]], ["delivered_file", "sha256"])
        write("records/link_review_verdicts", [
            (f"D000{decision}", review, "found" if row else "nobody", file if row else None, row)
            if row != "unsure" else (f"D000{decision}", review, "unsure", None, None)
            for decision, review, row, *file in verdicts for file in [file[0] if file else "s.csv"]
        ], {"decision": pl.String, "review": pl.Int64, "verdict": pl.String, "found_file": pl.String,
            "found_row": pl.Int64})  # fmt: skip
        found = read_decisions(tmp_path, CLUSTERS)
        return {row["decision"][-1]: row for row in found.people.iter_rows(named=True)}, found.warnings

    return read


def errors(people):
    return {one: (row["is_wrong"], row["is_missed"]) for one, row in people.items() if row["verdicts"]}


def test_each_kind_of_verdict(reviewed):
    """1 is found where the links say; 2 is somebody else; 3 was missed; nobody can find 4, and nobody should."""
    people, _ = reviewed((1, 1, 1), (2, 1, 3), (3, 1, 3), (4, 1, None))
    assert errors(people) == {"1": (False, False), "2": (True, True), "3": (False, True), "4": (False, False)}
    assert [row["size"] for row in people.values()] == [10, 10, 10, 10]


def test_linked_people_whom_nobody_finds_are_linked_wrongly_and_not_missed(reviewed):
    people, _ = reviewed((1, 1, None), (2, 1, 9))  # row 9 was quarantined: nobody of the run
    assert errors(people) == {"1": (True, False), "2": (True, False)}


def test_an_error_needs_every_review_to_say_so(reviewed):
    """A second look takes the errors of a reviewer away, whichever of the two it was, and leaves those of links."""
    people, warnings = reviewed((1, 1, None), (1, 2, 1), (2, 1, 2), (2, 2, 4), (3, 1, 3), (3, 2, 3), (4, 1, 4))
    assert errors(people) == {"1": (False, False), "2": (False, False), "3": (False, True), "4": (False, True)}
    (warning,) = warnings
    assert "1 of 4 decisions contradicted the links and had no second look" in warning
    assert "--again" in warning


def test_somebody_who_is_there_twice_is_named_twice(reviewed):
    """Rows 1 and 4 of s are one person: the link with row 1 is right, and row 4 was missed."""
    people, _ = reviewed((1, 1, 1), (1, 1, 4))
    assert errors(people) == {"1": (False, True)}
    assert people["1"]["verdicts"] == 1


def test_who_is_unsure_has_not_decided(reviewed):
    people, _ = reviewed((1, 1, "unsure"), (2, 1, "unsure"), (2, 2, 2))
    assert [row["verdicts"] for row in people.values()] == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("redelivered", "lost"), [("a.csv", "4 decisions of 4 cannot be used"), ("s.csv", "2 verdicts found somebody")]
)
def test_rows_of_a_file_that_was_delivered_again_are_not_those_that_were_reviewed(reviewed, redelivered, lost):
    ledger = [(*row[:3], "f" * 64) if row[2] == redelivered else row for row in LEDGER]
    people, warnings = reviewed((1, 1, 1), (2, 1, 3), (3, 1, None), ledger=ledger)
    assert any(lost in warning and "delivered again" in warning for warning in warnings)
    assert errors(people) == ({} if redelivered == "a.csv" else {"3": (False, False)})


def test_verdicts_on_unknown_decisions_and_in_other_sources_are_reported(reviewed):
    people, warnings = reviewed((1, 1, 1, "a.csv"), (9, 1, 1), (3, 1, 2, "none.csv"))
    assert errors(people) == {}
    assert any("1 verdict on decisions that are not in the sample (D0009)" in warning for warning in warnings)
    assert any("2 verdicts found somebody in a file that is none of the searched source" in one for one in warnings)


def test_files_of_one_name_are_told_apart_by_their_extracts():
    ledger = pl.DataFrame(
        {"source": ["a", "b", "b"], "extract": ["as", "bs", "bs"], "file": ["x.csv", "x.csv", "y.csv"],
         "sha256": ["1", "2", "3"]}
    )  # fmt: skip
    assert named_files(ledger)["name"].to_list() == ["as/x.csv", "bs/x.csv", "y.csv"]


def test_subjects_are_named_by_their_first_row(tmp_path, reviewed):
    reviewed()
    pl.DataFrame({"record_id": [1, 2, 3, 4], "subject_id": [2, 1, 2, 1]}).write_parquet(
        tmp_path / "records/as.parquet"
    )
    files = named_files(pl.DataFrame(LEDGER, schema=["source", "extract", "file", "sha256"], orient="row"))
    asked = pl.DataFrame({"source": ["a", "a"], "subject_id": [1, 2]})
    placed = first_rows(tmp_path, files.filter(source="a"), asked).sort("subject_id")
    assert placed.select("subject_id", "name", "row_number").rows() == [(1, "a.csv", 2), (2, "a.csv", 1)]


def test_the_order_of_verdicts_does_not_matter():
    rows = [("D1", 1, "found", 7, 1, True), ("D1", 2, "found", 1, 1, True), ("D2", 1, "nobody", None, 2, True)]
    schema = ["decision", "review", "verdict", "named", "person_id", "is_linked"]
    found = [judge(pl.DataFrame(order, schema=schema, orient="row")).sort("decision") for order in (rows, rows[::-1])]
    assert found[0].equals(found[1])
    assert found[0].rows() == [("D1", 2, False, False), ("D2", 1, True, False)]


QUALITY = pl.DataFrame(
    {"source_l": ["a"] * 3, "source_r": ["s"] * 3, "group": ["all", "sex=F", "movers"],
     **{f"{rate}_{name}": [value] * 3 for rate in ("precision", "recall")
        for name, value in (("estimate", 0.98), ("low", 0.9), ("high", 1.0))}}
)  # fmt: skip
PEOPLE = pl.DataFrame({
    "source": ["a"] * 400 + ["s"] * 300, "person": [*range(400), *range(300)],
    **{name: ["F", "M"] * 350 for name in ("sex", "age_group", "nationality_group", "area")},
})  # fmt: skip
"""300 of 400 people of a are linked with s; every other one is a woman."""


def decided(verdicts=1):
    number = range(240)
    return pl.DataFrame({
        "source": "a", "searched": "s", "stratum": ["a linked 0"] * 200 + ["a apart unseen"] * 40,
        "size": [300.0] * 200 + [100.0] * 40, "verdicts": [verdicts] * 200 + [1] * 40,
        "is_wrong": [one < 2 for one in number], "is_missed": [one >= 230 for one in number],
        **{name: ["F", "M"] * 120 for name in ("sex", "age_group", "nationality_group", "area")},
    })  # fmt: skip


def test_groups_of_people_have_figures_of_their_own_and_groups_of_pairs_none():
    """W = 300 · 2 / 200 = 3, M = 100 · 10 / 40 = 25; of women half of each: the same rates."""
    found, warnings = with_decisions(QUALITY, decided(), PEOPLE)
    assert warnings == []
    assert found["decisions"].to_list() == [240, 120, None]
    for row in found.head(2).iter_rows(named=True):
        assert row["precision_by_decisions"] == pytest.approx(297 / 300)
        assert row["recall_by_decisions"] == pytest.approx(297 / 322)
        assert row["recall_by_decisions_low"] < row["recall_by_decisions"] < row["recall_by_decisions_high"]
        assert row["recall_with_decisions_low"] >= row["recall_by_decisions_low"]


def test_a_stratum_without_a_verdict_is_not_guessed():
    found, (warning,) = with_decisions(QUALITY, decided(verdicts=0), PEOPLE)
    assert found["decisions"].null_count() == 3
    assert "no verdict in the strata 'a linked 0'" in warning


def test_without_a_review_the_columns_are_null():
    found, warnings = with_decisions(QUALITY, None, PEOPLE)
    assert warnings == []
    assert found.select(QUALITY.columns).equals(QUALITY)
    assert found.drop(QUALITY.columns).null_count().row(0) == (3,) * 13


def test_a_source_that_is_searched_may_stand_on_either_side():
    turned = QUALITY.rename({"source_l": "source_r", "source_r": "source_l"})
    found, _ = with_decisions(turned, decided(), PEOPLE)
    assert found["decisions"].to_list() == [240, None, None]


def test_a_review_tells_of_all_sources_together_and_of_each():
    """To the 3 wrong and 25 missed of a come 100 people of b, all linked, one in ten wrongly: W = 13, L = 400."""
    of_b = pl.DataFrame({
        "source": "b", "searched": "s", "stratum": ["b linked 0"] * 10, "size": [100.0] * 10, "verdicts": [1] * 10,
        "is_wrong": [one == 0 for one in range(10)], "is_missed": [False] * 10,
        **{name: ["F"] * 10 for name in ("sex", "age_group", "nationality_group", "area")},
    })  # fmt: skip
    people = pl.concat([PEOPLE, PEOPLE.head(100).with_columns(source=pl.lit("b"))])
    found = review_of_links(pl.concat([decided(), of_b]), people)
    assert found.select("searched", "source", "decisions").rows() == [
        ("s", "all", 250),
        ("s", "a", 240),
        ("s", "b", 10),
    ]
    assert found["precision"].to_list() == pytest.approx([387 / 400, 297 / 300, 90 / 100])
    assert found["recall"].to_list() == pytest.approx([387 / 412, 297 / 322, 1.0])
    assert (found["recall_low"] < found["recall"]).all()

    scored = pl.DataFrame({"source_l": ["a", "s"], "source_r": ["s", "b"], "group": ["all"] * 2,
                           "true_pairs": [320, 90], "linked_pairs": [300, 100], "correct": [290, 90]})  # fmt: skip
    beside = score_review(found, scored)
    assert beside["true_precision"].to_list() == pytest.approx([380 / 400, 290 / 300, 90 / 100])
    assert beside["true_recall"].to_list() == pytest.approx([380 / 410, 290 / 320, 1.0])


def test_strata_may_have_people_of_several_sources():
    """Of 250 people drawn from 1,000 half are of a, so 500 of its people, of whom 2 in 125 are wrong: W = 8."""
    number = range(250)
    names = dict.fromkeys(("sex", "age_group", "nationality_group", "area"), "F")
    both = pl.DataFrame({
        "source": ["a", "b"] * 125, "searched": "s", "stratum": "all linked 0", "size": 1000.0, "verdicts": 1,
        "is_wrong": [one in (0, 2, 1) for one in number], "is_missed": False, **names,
    })  # fmt: skip
    people = pl.DataFrame({
        "source": ["a"] * 500 + ["b"] * 500 + ["s"] * 1000, "person": [*range(1000), *range(1000)], **names,
    })  # fmt: skip
    found = review_of_links(both, people)
    assert found.select("source", "decisions").rows() == [("all", 250), ("a", 125), ("b", 125)]
    assert found["precision"].to_list() == pytest.approx([988 / 1000, 492 / 500, 496 / 500])
    # where few of a source were drawn, nobody may have been where its errors are
    assert review_of_links(both.head(150), people)["source"].to_list() == ["all"]


def test_a_review_with_a_stratum_that_nobody_decided_upon_tells_nothing():
    assert review_of_links(decided(verdicts=0), PEOPLE).is_empty()
    assert review_of_links(None, PEOPLE).is_empty()
