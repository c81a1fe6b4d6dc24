"""`sojourn link` and `sojourn train`: two CSV files, a contract each, and no Python.

The people are made up here: 400 of the library, 300 of whom the clinic knows too, some under a misspelt name or
with a wrong date of birth, and 100 more of the clinic.
"""

import json
import random
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from flows.link_files import named_clusters, named_draws, named_links

SYLLABLES = ("ba", "den", "ri", "mo", "ka", "lis", "tor", "vel", "ha", "nu", "sen", "gra", "pe", "wil", "os", "fen")
LIBRARY = """
source = "library"
title = "Library"
says = "Readers."
public_id = "card"

[extracts.readers]
says = "One row a reader."

[extracts.readers.columns]
card = { header = "CARD", type = "text", pattern = "[0-9]{4}" }
given_name = { header = "FIRST NAME", type = "text", identifier = "given_name" }
family_name = { header = "LAST NAME", type = "text", identifier = "family_name" }
born = { header = "BORN", type = "date", identifier = "date_of_birth", format = "%d/%m/%Y", min = "1900-01-01" }
postcode = { header = "POSTCODE", type = "text", identifier = "postcode", required = false }
"""
CLINIC = """
source = "clinic"
title = "Clinic"
says = "Patients."

[extracts.patients]
says = "One row a patient."

[extracts.patients.columns]
given_name = { header = "FORENAME", type = "text", identifier = "given_name" }
family_name = { header = "SURNAME", type = "text", identifier = "family_name" }
date_of_birth = { header = "DOB", type = "date", identifier = "date_of_birth", min = "1900-01-01" }
postcode = { header = "POSTCODE", type = "text", identifier = "postcode", required = false }
"""
STUDY = """
name = "A library and a clinic"
data_date = 2024-12-31
key_file = "secret.key"
contracts = ["library.toml", "clinic.toml"]

[[extract]]
name = "readers"
files = ["readers.csv"]

[[extract]]
name = "patients"
files = ["patients.csv"]
"""


def word(draw: random.Random) -> str:
    return "".join(draw.choices(SYLLABLES, k=3)).title()


def people(number: int) -> list[dict[str, str]]:
    draw = random.Random("people of the link verb")
    return [
        {
            "given": word(draw), "family": word(draw),
            "born": f"{draw.randrange(1940, 2005)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}",
            "postcode": f"AB{draw.randrange(1, 40)} {draw.randrange(1, 10)}{''.join(draw.choices('ABDEF', k=2))}",
        }
        for _ in range(number)
    ]  # fmt: skip


def write_files(folder: Path) -> Path:
    """Write the two files, the contracts, the key and the study; card n and row 501 - n are one person, n to 300."""
    folder.mkdir(parents=True, exist_ok=True)
    everybody = people(500)
    readers, patients = everybody[:400], [*everybody[:300], *everybody[400:]]
    pl.DataFrame({
        "CARD": [f"{7_000 + number}" for number in range(400)],
        "FIRST NAME": [one["given"] for one in readers],
        "LAST NAME": [one["family"] for one in readers],
        "BORN": ["/".join(reversed(one["born"].split("-"))) for one in readers],
        "POSTCODE": [one["postcode"] for one in readers],
    }).write_csv(folder / "readers.csv")  # fmt: skip
    pl.DataFrame({
        # every tenth forename lacks its last letters, every twelfth date of birth is a month late
        "FORENAME": [one["given"][: -2 * (number % 10 == 0) or None] for number, one in enumerate(patients)],
        "SURNAME": [one["family"] for one in patients],
        "DOB": [f"{one['born'][:5]}{int(one['born'][5:7]) % 12 + 1:02d}{one['born'][7:]}" if number % 12 == 0
                else one["born"] for number, one in enumerate(patients)],
        "POSTCODE": [one["postcode"] for one in patients],
    }).reverse().write_csv(folder / "patients.csv")  # fmt: skip
    (folder / "library.toml").write_text(LIBRARY)
    (folder / "clinic.toml").write_text(CLINIC)
    (folder / "secret.key").write_text("5e" * 32)
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"


TRUE_PAIRS = {(f"{7_000 + number}", f"{400 - number}") for number in range(300)}
"""Card of a reader, and row of the patients' file, of one person."""


@pytest.fixture(scope="module")
def linked(tmp_path_factory, command):
    """The files linked by the command: the study, the folder, and what was printed."""
    study = write_files(tmp_path_factory.mktemp("link") / "study")
    out = study.parent.parent / "linked"
    outcome = command("link", study, "--out", out)
    assert outcome.status == 0, outcome.out + outcome.err
    return study, out, outcome


def test_every_subject_is_somebody_under_its_public_name(linked):
    _, out, _ = linked
    clusters = pl.read_parquet(out / "clusters.parquet")
    assert clusters.schema == {"source": pl.String, "subject": pl.String, "person_id": pl.Int64}
    assert clusters.equals(clusters.sort("source", "subject"))
    assert clusters.height == 800
    assert set(clusters.filter(source="library")["subject"]) == {f"{7_000 + number}" for number in range(400)}
    assert set(clusters.filter(source="clinic")["subject"]) == {f"{row}" for row in range(1, 401)}


def test_the_people_are_those_whom_both_files_know(linked):
    _, out, _ = linked
    clusters = pl.read_parquet(out / "clusters.parquet")
    left, right = (clusters.filter(source=one).rename({"subject": one}) for one in ("library", "clinic"))
    found = set(left.join(right, on="person_id").select("library", "clinic").iter_rows())
    assert len(found - TRUE_PAIRS) <= 1
    assert len(found & TRUE_PAIRS) >= 297
    assert clusters["person_id"].n_unique() == 800 - len(found)


def test_links_are_pairs_with_a_weight_and_a_probability_in_order(linked):
    _, out, _ = linked
    links = pl.read_parquet(out / "links.parquet")
    assert links.columns == ["source_l", "subject_l", "source_r", "subject_r", "match_weight", "match_probability"]
    key = ["source_l", "subject_l", "source_r", "subject_r"]
    assert links.equals(links.sort(key))
    assert links.null_count().sum_horizontal().item() == 0
    assert links.unique(key).height == links.height
    by_source = {row["source_l"]: row["subject_l"] for row in links.to_dicts()[:1]}
    assert set(by_source) <= {"library", "clinic"}
    pairs = {
        (row["subject_l"], row["subject_r"]) if row["source_l"] == "library" else (row["subject_r"], row["subject_l"])
        for row in links.filter(pl.col("match_probability") >= 0.5).to_dicts()
    }
    assert len(pairs & TRUE_PAIRS) >= 297


def test_the_quality_is_the_table_of_linkage_quality(linked):
    _, out, _ = linked
    quality = pl.read_csv(out / "quality.csv")
    row = quality.filter(pl.col("group") == "all").row(0, named=True)
    assert {row["source_l"], row["source_r"]} == {"library", "clinic"}
    assert (row["subjects_l"], row["subjects_r"]) == (400, 400)
    assert 0.74 <= row["match_rate"] <= 0.76


def test_the_command_tells_what_it_found_and_where_it_is(linked):
    _, out, outcome = linked
    lines = outcome.out.splitlines()
    assert lines[0] == "sojourn link · A library and a clinic"
    assert [line.split()[1] for line in lines[1:3]] == ["ingest", "link"]
    told = {line.split()[0]: line for line in lines[3:]}
    assert "2" in told["sources"]
    assert told["subjects"].endswith("800: clinic 400, library 400")
    assert told["links"].split()[1].isdigit()
    assert told["people"].split()[1].strip(",").isdigit()
    assert all(str(out / name) in told["written"] for name in ("links.parquet", "clusters.parquet", "quality.csv"))
    assert "sojourn train" in told["next"]


def test_a_second_time_nothing_is_computed_and_the_bytes_are_the_same(linked, command, tmp_path):
    study, out, _ = linked
    names = ("links.parquet", "clusters.parquet", "quality.csv")
    before = {name: (out / name).read_bytes() for name in names}
    again = command("link", study, "--out", out)
    assert again.out.count("[unchanged]") == 2
    assert {name: (out / name).read_bytes() for name in names} == before
    other = command("link", study, "--out", tmp_path / "other", "--threads", "1")
    assert other.status == 0, other.err
    assert {name: (tmp_path / "other" / name).read_bytes() for name in names} == before


def test_a_pair_is_explained_level_by_level_with_the_figures_of_the_links(linked, command):
    study, out, _ = linked
    link = pl.read_parquet(out / "links.parquet").sort("match_weight").row(-1, named=True)
    pair = [f"{link[f'source_{side}']}:{link[f'subject_{side}']}" for side in "rl"]  # in either order
    before = (out / "links.parquet").read_bytes()
    told = command("link", study, "--out", out, "--explain", *pair)
    assert told.status == 0, told.err
    assert told.out.startswith(f"{pair[1]} and {pair[0]} are one person. Their link was accepted.")
    assert "any two subjects" in told.out
    assert "date_of_birth: equal" in told.out
    found = json.loads(command("link", study, "--out", out, "--explain", *pair, "--json").out)
    assert [":".join(found["left"]), ":".join(found["right"])] == [pair[1], pair[0]]
    assert found["match_weight"] == link["match_weight"]
    assert found["match_probability"] == link["match_probability"]
    assert found["steps"][-1]["total"] == pytest.approx(found["unrivalled_weight"])
    assert (out / "links.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("library:7000", "clinic"), "clinic: not the name of a subject. Give SOURCE:SUBJECT"),
        (("library:7000", "surgery:1"), "'surgery' is not a linked source. They are clinic, library."),
        (("library:7000", "clinic:401"), "'clinic' has no such subject"),
        (("library:7000", "library:7000"), "these are one subject. Name two."),
    ],
)
def test_a_pair_that_is_none_is_refused(linked, command, pair, message):
    study, out, _ = linked
    told = command("link", study, "--out", out, "--explain", *pair)
    assert told.status == 2
    assert message in told.err


def test_json_without_a_pair_to_explain_is_refused(linked, command):
    study, out, _ = linked
    told = command("link", study, "--out", out, "--json")
    assert told.status == 2
    assert "Add --explain" in told.err


def test_a_study_that_asks_for_draws_gets_them_beside_the_same_links(linked, command):
    study, out, _ = linked
    asks = study.with_name("draws.toml")
    asks.write_text(STUDY.replace("[[extract]]", "[linkage]\ndraws = 3\n\n[[extract]]", 1))
    drawn = out.with_name("drawn")
    outcome = command("link", asks, "--out", drawn)
    assert outcome.status == 0, outcome.out + outcome.err
    assert str(drawn / "draws.parquet") in outcome.out
    for name in ("links.parquet", "clusters.parquet", "quality.csv"):
        assert (drawn / name).read_bytes() == (out / name).read_bytes()
    draws = pl.read_parquet(drawn / "draws.parquet")  # nobody is uncertain in these files
    assert draws.columns == ["draw", "source", "subject", "person_id"]
    assert draws.is_empty()
    assert command("link", study, "--out", drawn).status == 0  # without draws those of before are gone
    assert not (drawn / "draws.parquet").exists()


def test_no_name_is_written_anywhere(linked):
    _, out, _ = linked
    names = {one["family"].encode() for one in people(500)}
    for path in (one for one in out.rglob("*") if one.is_file()):
        content = path.read_bytes()
        assert not any(name in content for name in names), path


def test_trained_models_link_the_same_files_alike(linked, command, tmp_path):
    study, out, _ = linked
    models = tmp_path / "models"
    trained = command("train", study, "--out", models)
    assert trained.status == 0, trained.out + trained.err
    files = sorted(models.iterdir())
    assert [path.suffix for path in files] == [".json"]
    assert "--models" in trained.out
    given = command("link", study, "--out", tmp_path / "linked", "--models", models)
    assert given.status == 0, given.out + given.err
    for name in ("links.parquet", "clusters.parquet"):
        assert (tmp_path / "linked" / name).read_bytes() == (out / name).read_bytes()
    again = command("train", study, "--out", models)
    assert again.status == 0, again.err
    assert sorted(models.iterdir()) == files

    model = files[0]
    (models / "library-museum.json").write_text(model.read_text())
    refused = command("link", study, "--out", tmp_path / "linked", "--models", models)
    assert refused.status == 2
    assert "library-museum.json: a model of the source 'museum'" in refused.err
    (models / "library-museum.json").unlink()

    contract = study.parent / "library.toml"
    contract.write_text(LIBRARY.replace('identifier = "postcode"', 'pattern = ".*"'))
    fewer = command("link", study, "--out", tmp_path / "linked", "--models", models)
    contract.write_text(LIBRARY)
    assert fewer.status == 2, fewer.out
    assert model.name in fewer.err

    three = write_files(tmp_path / "three")
    shutil.copy(three.parent / "patients.csv", three.parent / "pupils.csv")
    (three.parent / "school.toml").write_text(CLINIC.replace("clinic", "school").replace("patients", "pupils"))
    three.write_text(
        STUDY.replace('"clinic.toml"]', '"clinic.toml", "school.toml"]')
        + '[[extract]]\nname = "pupils"\nfiles = ["pupils.csv"]\n'
    )
    more = command("link", three, "--out", tmp_path / "three" / "linked", "--models", models)
    assert more.status == 2, more.out
    assert re.search(r"has no model of .*school", more.err)
    assert not (tmp_path / "three" / "linked" / "links.parquet").exists()

    model.unlink()
    nothing = command("link", study, "--out", tmp_path / "linked", "--models", models)
    assert nothing.status == 2
    assert "no models here" in nothing.err
    # a result of before does not pass for that of a command that failed
    assert not (tmp_path / "linked" / "links.parquet").exists()


def test_a_key_of_the_environment_serves_a_study_without_a_key_file(linked, command, tmp_path):
    study = write_files(tmp_path / "study")
    study.write_text(STUDY.replace('key_file = "secret.key"\n', ""))
    refused = command("link", study, "--out", tmp_path / "linked")
    assert refused.status == 2
    assert "no pseudonymisation key" in refused.err
    done = command("link", study, "--out", tmp_path / "linked", env={"SOJOURN_KEY": "5e" * 32})
    assert done.status == 0, done.err
    assert (tmp_path / "linked" / "clusters.parquet").read_bytes() == (linked[1] / "clusters.parquet").read_bytes()


def test_a_file_without_a_row_is_refused(command, tmp_path):
    study = write_files(tmp_path / "study")
    file = study.parent / "patients.csv"
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    refused = command("link", study, "--out", tmp_path / "linked")
    assert refused.status == 2, refused.out
    assert "sojourn: patients: patients.csv has a header and no row" in refused.err
    assert not (tmp_path / "linked" / "clusters.parquet").exists()


def test_a_folder_of_other_files_is_left_alone(linked, command, tmp_path):
    study, _, _ = linked
    for verb in ("link", "train"):
        (tmp_path / verb).mkdir()
        (tmp_path / verb / "letter.txt").write_text("Dear reader")
        refused = command(verb, study, "--out", tmp_path / verb)
        assert refused.status == 2, refused.out
        assert [path.name for path in (tmp_path / verb).iterdir()] == ["letter.txt"]


def test_a_whole_run_of_the_same_study_goes_as_far_as_the_links(linked, command):
    study, _, _ = linked
    outcome = command("run", study)
    assert outcome.status == 0, outcome.out + outcome.err
    assert "skipped, because no evidence rule" in outcome.out
    assert (study.parent / "run" / "report.html").exists()


def test_draws_name_the_subjects_whose_person_is_another():
    subjects = pl.DataFrame({"source": "a", "subject_id": [1, 2], "subject": ["x", "w"]})
    clusters = pl.DataFrame(
        [("a", 1, 0, 5), ("a", 2, 0, 6), ("a", 1, 1, 6), ("a", 1, 2, 9), ("a", 2, 2, 5)],
        schema=["source", "subject_id", "draw", "person_id"], orient="row",
    )  # fmt: skip
    assert named_clusters(clusters, subjects).rows() == [("a", "w", 6), ("a", "x", 5)]
    assert named_draws(clusters, subjects).rows() == [(1, "a", "x", 6), (2, "a", "w", 5), (2, "a", "x", 9)]


def test_of_two_subjects_of_one_source_the_lesser_name_is_left():
    links = pl.DataFrame({
        "source_l": ["a", "a"], "subject_id_l": [1, 2], "source_r": ["a", "b"], "subject_id_r": [2, 1],
        "match_weight": [9.0, 8.0], "match_probability": [0.9, 0.8],
    })  # fmt: skip
    subjects = pl.DataFrame({"source": ["a", "a", "b"], "subject_id": [1, 2, 1], "subject": ["9", "10", "x"]})
    assert named_links(links, subjects).rows() == [
        ("a", "10", "a", "9", 9.0, 0.9),
        ("a", "10", "b", "x", 8.0, 0.8),
    ]
