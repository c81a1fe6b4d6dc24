"""`sojourn evaluate RUN --person P`: the true life of one person, then what `explain` tells; nothing is written."""

import hashlib
from pathlib import Path

import polars as pl
import pytest

from flows.evaluate import linked_subjects_truth, read_truth, study_of_run
from flows.person import describe_person


@pytest.fixture(scope="module")
def tables(demo):
    names = ("clusters", "migrations", "people")
    found = {name: pl.read_parquet(demo.run / "tables" / f"{name}.parquet") for name in names}
    return {**found, "migrations": found["migrations"].filter(definition="long_term")}


def part(lines, title, name):
    """Return the rows of one part below a title, each a dictionary of texts by column."""
    begin = next(place for place, line in enumerate(lines) if line.startswith(title))
    below = lines[begin + 1 :]
    place = next(place for place, line in enumerate(below) if line.strip().partition(":")[0] == name)
    if below[place].endswith(": none"):
        return []
    block = []
    for line in below[place + 1 :]:
        if not line.strip():
            break
        block.append(line.split())
    columns, *rows = block
    return [dict(zip(columns, row, strict=False)) for row in rows]


def files(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_it_prints_the_truth_the_records_and_what_was_decided(demo, tables, command):
    """A migrant, with every migration of the run and of the truth; the run folder stays as it is."""
    before = files(demo.folder)
    person = tables["migrations"].sort("person_id")["person_id"][0]
    done = command("evaluate", demo.run, "--person", person)
    assert done.status == 0, done.err
    assert files(demo.folder) == before

    lines = done.out.splitlines()
    own = tables["migrations"].filter(pl.col("person_id") == person).sort("date")
    explained = command("explain", demo.run, person).out.splitlines()
    assert lines[-len(explained) :] == explained
    for row in own.to_dicts():
        about = "stay" if row["direction"] == "immigration" else "absence"
        (decision,) = [line for line in explained if line.startswith(f"    {about} from {row['date']}")]
        assert f"{row['direction']}, {row['status']}" in decision

    number = int(lines[0].removeprefix("Truth: person "))
    truth = pl.read_parquet(demo.study.parent / "truth" / "migrations.parquet")
    true = truth.filter(pl.col("person") == number).sort("date")
    assert [(row["date"], row["direction"]) for row in part(lines, "Truth: ", "migrations")] == [
        (str(day), way) for day, way in true.select("date", "direction").rows()
    ]
    subjects = part(lines, "Records: ", "subjects")
    in_cluster = tables["clusters"].filter(pl.col("person_id") == person)
    assert {(row["source"], int(row["subject_id"])) for row in subjects} >= set(
        in_cluster.select("source", "subject_id").rows()
    )


def test_a_true_person_and_a_person_of_the_run_are_the_same_story(demo, tables):
    by_run = describe_person(demo.run, str(tables["people"]["person_id"][5]))
    number = by_run[0].removeprefix("Truth: person ")
    assert describe_person(demo.run, f"true:{number}") == by_run


def test_all_clusters_of_a_person_are_shown(demo, tables):
    """Somebody whose records are in two clusters: whichever of the two is asked for, both are told of."""
    study = study_of_run(demo.run)
    who = linked_subjects_truth(study, read_truth(study), demo.run / "tables")
    members = tables["clusters"].join(who, on=["source", "subject_id"])
    alone = members.filter(pl.col("person").n_unique().over("person_id") == 1)
    person, people = (
        alone.group_by("person").agg(pl.col("person_id").unique().sort())
        .filter(pl.col("person_id").list.len() == 2).sort("person").row(0)
    )  # fmt: skip

    for name in (f"true:{person}", *map(str, people)):
        lines = describe_person(demo.run, name)
        assert lines[0] == f"Truth: person {person}"
        assert any(line.startswith("Records: ") and line.endswith("in 2 clusters") for line in lines)
        assert {int(row["person_id"]) for row in part(lines, "Records: ", "subjects")} == set(people)
        told = [int(line.split()[1].rstrip(":")) for line in lines if line.startswith("Person ")]
        assert told == sorted(people)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--person", "999999999"], "no such person"),
        (["--person", "true:999999999"], "no such person"),
        (["--person", "Smith"], "not the number of a person"),
        (["--person", "1", "--json"], "Leave out --json"),
    ],
)
def test_a_mistake_is_told_with_status_2(demo, command, options, says):
    done = command("evaluate", demo.run, *options)
    assert done.status == 2
    assert says in done.err


def test_a_folder_without_a_run_is_refused(tmp_path, command):
    done = command("evaluate", tmp_path, "--person", "1")
    assert (done.status, "no finished run here" in done.err) == (2, True)
