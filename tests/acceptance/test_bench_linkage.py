"""The benchmarks of linkage: what they compare, how they count it, and that Splink in clear is a fair yardstick."""

import json
import math

import polars as pl
import pytest

from flows import bench_link, bench_link_files, clear_splink
from flows.bench_link import clear_subjects, compare_links, compared_pairs, untrained
from flows.bench_link_files import clear_values, compare_link_files, estimated_scores, figures, pair_scores
from flows.clear_splink import link_in_clear
from flows.evaluate import read_truth
from flows.progress import NullListener
from flows.stages_alone import ingest_stage
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.study import read_study
from synthetic_data.link_files.changes import dropped, spoilt, with_full_names
from synthetic_data.link_files.write import link_files, truth_of, write_link_files


@pytest.fixture
def few_pairs(monkeypatch):
    """Splink trained on fewer pairs than usual, which takes less time."""
    monkeypatch.setattr(clear_splink, "U_PAIRS", 2e5)


def rows(*found, person):
    return pl.DataFrame(found, schema=["source", "subject", person], orient="row")


def test_pairs_of_two_sources_are_counted_by_hand():
    truth = rows(
        ("a", "1", 1), ("b", "1", 1), ("c", "1", 1), ("a", "2", 2), ("b", "2", 2), ("a", "3", 3), person="person"
    )
    # true: a1-b1, a1-c1, b1-c1, a2-b2; linked: a1-b1, a3-b2; a1 and a2 are one person in a source, which is no pair
    found = rows(
        ("a", "1", 7), ("b", "1", 7), ("a", "2", 7), ("c", "1", 8), ("b", "2", 9), ("a", "3", 9), person="person_id"
    )  # fmt: skip
    scores = pair_scores(found, truth)
    # linked also: a2-b1, because all subjects of person 7 are one
    assert scores == {"true_pairs": 4, "precision": round(1 / 3, 5), "recall": 0.25, "f1": round(2 / 7, 5)}


def test_pairs_within_the_only_source_are_counted_by_hand():
    truth = rows(("a", "1", 1), ("a", "2", 1), ("a", "3", 1), ("a", "4", 2), person="person")
    found = rows(("a", "1", 5), ("a", "2", 5), ("a", "3", 6), ("a", "4", 6), person="person_id")
    assert pair_scores(found, truth) == {"true_pairs": 3, "precision": 0.5, "recall": round(1 / 3, 5), "f1": 0.4}


def test_figures_are_the_worst_scores():
    def of(change, recall, difference):
        return {
            "kind": "noisy", "seed": 1001, "change": change, "recall": recall, "f1_difference": difference,
            "rows_lost": 2, "precision": 0.8, "told_precision": 0.9, "estimated_precision": 0.95,
            "estimated_recall": None,
        }  # fmt: skip

    scores = [of("as they are", 0.8, 0.01), of("without sex", 0.72, -0.2), of("sex spoilt", 0.1, 0.0)]
    assert figures(scores) == {
        "lowest_f1_difference": -0.2, "largest_error_of_estimated_precision": 0.05,
        "lowest_recall_without_a_column": 0.9, "rows_lost": 6,
    }  # fmt: skip
    assert "lowest_recall_without_a_column" not in figures(scores[:1])


def test_values_are_compared_in_one_form():
    census, register = link_files("noisy", 500, 1001)[:2]
    for file in (census, register):
        dates = clear_values(file)["date_of_birth"].drop_nulls()
        assert dates.str.contains(r"^\d{4}-\d{2}-\d{2}$").mean() > 0.9
    both = [clear_values(file).with_columns(person=pl.Series(file.person)) for file in (census, register)]
    together = both[0].join(both[1], on="person")
    assert (together["date_of_birth"] == together["date_of_birth_right"]).mean() > 0.75
    assert (together["family_name"] == together["family_name_right"]).mean() > 0.7


@pytest.mark.parametrize("kind", ["two_files", "noisy", "four_sources"])
def test_ingest_takes_every_row_whatever_is_wrong_in_it(kind, tmp_path):
    files = spoilt(link_files(kind, 300, 1001), "date_of_birth", 0.3, 1001)
    study = write_link_files(files, tmp_path / "study", kind, 1001)
    ingest = ingest_stage(study, tmp_path / "run", threads=2)
    ledger = pl.read_parquet(ingest.folder / "ledger.parquet")
    assert ledger["rows_in"].to_list() == ledger["accepted"].to_list() == [file.rows.height for file in files]
    unusable = sum(json.loads(one).get("date_of_birth", 0) for one in ledger["unusable"])
    with_date = sum(file.rows.height for file in files if "date_of_birth" in file.columns)
    assert 0.06 < unusable / with_date < 0.25
    for file in files:
        subjects = pl.read_parquet(ingest.folder / "subjects" / f"{file.source}.parquet")
        assert sorted(subjects["subject"]) == sorted(file.rows["serial"])


@pytest.mark.parametrize("kind", ["two_files", "dedupe"])
def test_splink_in_clear_finds_nearly_everyone(kind, few_pairs):
    files = link_files(kind, 400, 1001)
    found = link_in_clear({file.source: clear_values(file) for file in files})
    assert (
        found.select("source", "subject")
        .sort(pl.all())
        .equals(truth_of(files).select("source", "subject").sort(pl.all()))
    )
    assert pair_scores(found, truth_of(files))["f1"] > 0.95
    if kind == "two_files":
        assert not found.select("source", "person_id").is_duplicated().any()


@pytest.mark.parametrize(
    ("kind", "column"),
    [("two_files", "date_of_birth"), ("census_register", "given_name"), ("census_register", "family_name")],
)
def test_splink_in_clear_links_without_a_column(kind, column, few_pairs):
    files = dropped(link_files(kind, 400, 1001), column)
    found = link_in_clear({file.source: clear_values(file) for file in files})
    assert pair_scores(found, truth_of(files))["f1"] > 0.9


def test_splink_in_clear_reads_names_in_one_column(few_pairs):
    one, other = link_files("two_files", 400, 1001)
    files = [one, *with_full_names([other])]
    found = link_in_clear({file.source: clear_values(file) for file in files})
    assert pair_scores(found, truth_of(files))["f1"] > 0.9


def quality_of(rows):
    names = ("source_l", "source_r", "group", "joined_pairs", "precision_estimate", "recall_estimate")
    return pl.DataFrame(rows, schema=names, orient="row")


def test_the_estimate_for_a_whole_set_of_files_counts_expected_pairs():
    """Of 100 joined pairs 90 are right, of 300 all; of the first there are 120, of the second 400."""
    quality = quality_of(
        [
            ("a", "b", "all", 100, 0.9, 0.75),
            ("a", "c", "all", 300, 1.0, 0.75),
            ("b", "c", "all", 50, None, None),
            ("a", "b", "sex=F", 60, 0.8, 0.7),
        ]
    )
    # of a and b one of two true pairs is linked, and a wrong one; the lost pair of b and c is no pair that is told
    truth = rows(("a", "1", 1), ("b", "1", 1), ("a", "2", 2), ("b", "2", 2), ("b", "3", 3), ("c", "3", 3),
                 person="person")  # fmt: skip
    found = rows(("a", "1", 1), ("b", "1", 1), ("a", "2", 2), ("b", "2", 3), ("b", "3", 2), ("c", "3", 4),
                 person="person_id")  # fmt: skip
    assert estimated_scores(quality, found, truth) == {
        "estimated_precision": 0.975, "estimated_recall": 0.75, "told_precision": 0.5, "told_recall": 0.5,
        "untold": 1,
    }  # fmt: skip
    assert set(estimated_scores(quality[2:], found, truth).values()) == {None, 1}


def test_every_column_is_spoilt_and_dropped_in_turn(monkeypatch):
    """Both linkers are replaced by the truth, so that only what the benchmark does with them is tested."""
    made = []

    def with_truth(files):
        made.append(files)
        return truth_of(files).rename({"person": "person_id"})

    def linked(study, run):
        names = [one.source for one in made[-1]]
        return with_truth(made.pop()), quality_of([(names[0], names[-1], "all", 100, 0.99, 0.98)])

    monkeypatch.setattr(bench_link_files, "linked_by_sojourn", linked)
    monkeypatch.setattr(bench_link_files, "link_in_clear", lambda sources, threads: with_truth(made.pop()))
    write = bench_link_files.write_link_files
    monkeypatch.setattr(
        bench_link_files, "write_link_files", lambda files, *rest: made.append(files) or write(files, *rest)
    )
    number, seconds, ratios, worst, scores = compare_link_files(150, ["two_files", "dedupe"], 2, NullListener())
    kinds = ["given_name", "family_name", "house", "street", "locality", "postcode", "date_of_birth"]
    changes = [f"{kind} spoilt" for kind in kinds] + [f"without {kind}" for kind in kinds]
    expected = {"as they are", "names in one column", "foreign postcodes", *changes}
    of_first = [one["change"] for one in scores if one["kind"] == "two_files" and one["seed"] == 1001]
    assert len(of_first) == len(expected)
    assert set(of_first) == expected
    assert [one["seed"] for one in scores if one["kind"] == "dedupe"] == [1001, 1002]
    assert all(one["f1"] == one["clear_f1"] == 1 and one["f1_ratio"] == 1 for one in scores)
    assert worst == {
        "lowest_f1_difference": 0.0,
        "largest_error_of_estimated_precision": 0.01,
        "largest_error_of_estimated_recall": 0.02,
        "lowest_recall_without_a_column": 1.0,
        "rows_lost": 0,
    }
    assert number > 2 * 17 * 300
    assert seconds > 0
    assert set(ratios) == {"clear_splink"}


def test_settings_without_probabilities_block_on_the_columns_that_both_sources_know():
    level = {"sql_condition": "ELSE", "label_for_charts": "different"}
    settings = {
        "link_type": "link_only",
        "comparisons": [{"comparison_levels": [{**level, "m_probability": 0.1, "u_probability": 0.9}]}],
    }
    assert untrained(settings, {"family_name", "postcode", "birth_month", "street"}) == {
        "link_type": "link_only",
        "comparisons": [{"comparison_levels": [level]}],
        "blocking_rules_to_generate_predictions": [
            "l.family_name = r.family_name AND l.birth_month = r.birth_month",
            "l.family_name = r.family_name AND l.postcode = r.postcode",
        ],
    }


def test_clear_subjects_are_the_people_of_a_source_with_all_that_it_recorded(demo):
    study = read_study(demo.study)
    pairs = dict(compared_pairs(study))
    assert {"hesa", "exit_checks"} <= set(pairs)
    assert set(pairs.values()) == {"pds"}
    assert "pr" not in pairs  # it has the NHS number
    contract = delivered_contracts(study)["hesa"]
    subjects = clear_subjects(study, contract)
    known = read_truth(study).identities.filter(pl.col("source") == "hesa")
    assert subjects["subject"].is_unique().all()
    assert len(set(known["person_key"]) - set(subjects["subject"])) <= 0.01 * known.height
    latest = subjects.filter(pl.col("postcode").is_not_null())
    assert latest.select(pl.col("postcodes").list.contains(pl.col("postcode"))).to_series().all()
    assert (subjects["postcodes"].list.len() > 1).any()


def test_links_of_a_country_are_compared_with_splink(few_pairs, monkeypatch):
    simulate = bench_link.simulate_study

    def with_one_pair(residents, seed, out, *rest, **named):
        simulate(residents, seed, out, *rest, **named)
        study = out / "study.toml"
        text = study.read_text(encoding="utf-8")
        assert text.count("[linkage]\n") == 1
        pairs = '[linkage]\npairs = [["hesa", "pds"]]\n'
        study.write_text(text.replace("[linkage]\n", pairs), encoding="utf-8")

    monkeypatch.setattr(bench_link, "simulate_study", with_one_pair)
    subjects, seconds, ratios, found, scores = compare_links(1_000, NullListener())
    assert subjects > 1_000
    assert seconds > 0
    assert set(ratios) == {"splink_on_tokens"}
    assert {row["pair"] for row in scores} == {"hesa-pds"}
    true = sum(row["true_pairs"] for row in scores)
    linked, correct = (sum(row[name] for row in scores) for name in ("linked_pairs", "correct"))
    assert found["f1"] == pytest.approx(2 * correct / (true + linked), abs=1e-5)
    assert math.isclose(found["f1_difference"], found["f1"] - found["clear_f1"], abs_tol=2e-5)
    assert found["f1"] > 0.9
    assert found["clear_f1"] > 0.9
    assert found["stage_over_splink_cpu"] > 0
    assert 0 < found["clustering_share"] < 1
    assert found["stage_peak_mib"] > 50
