"""A delivery after another one: people keep the numbers that they have in the finished run of that one."""

import csv
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tiny_country import NUMBERS, PEOPLE, write_study
from tiny_country import _nhs_number as nhs_number
from tiny_country import _nino as nino

from flows.chain import STAGES, run_chain
from flows.progress import NullListener
from linkage.stored_people import keys_of_people
from pipeline.disk import link_files
from pipeline.ingest.pseudonymise import direct_identifier_tokens
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.keys import read_key
from pipeline.study import Study, read_study
from synthetic_data.simulate import simulate

RESIDENTS, SEED = 3_000, 42
"""Those of the demo: its country."""
DAYS = (date(2019, 12, 31), date(2020, 9, 30))
QUIM, HAROLD = (PEOPLE[NUMBERS[name] - 1] for name in ("Quim", "Harold"))


@pytest.fixture(scope="module")
def delivered(demo, tmp_path_factory) -> tuple[Study, Path]:
    """The delivery after that of the demo, linked to the people of the demo's run, which is its `previous`."""
    country = tmp_path_factory.mktemp("country")
    simulate(RESIDENTS, SEED, country, deliveries=DAYS)
    path = country / "deliveries" / str(DAYS[1]) / "study.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[linkage]\n", f'[linkage]\nprevious = "{demo.run}"\n'), encoding="utf-8")
    study, run = read_study(path), path.parent / "run"
    records = run_chain(study, run, threads=2, stages=STAGES[:2], listener=NullListener())
    link_files({name: one.folder / name for one in records.values() for name in one.outputs}, run / "tables")
    return study, run


def people_of(study: Study, run: Path) -> pl.DataFrame:
    """Return `source, key, person_id` of all subjects with a person key."""
    contracts = delivered_contracts(study)
    tokens = {
        source: run / "tables" / "tokens" / f"{source}.parquet" for source, one in contracts.items() if one.person_key
    }
    clusters = pl.read_parquet(run / "tables" / "clusters.parquet")
    return keys_of_people(clusters, {source: path for source, path in tokens.items() if path.is_file()}, contracts)


def test_people_keep_their_numbers_when_a_hundredth_of_records_is_new(demo, delivered):
    before, now = people_of(read_study(demo.study), demo.run), people_of(*delivered)
    both = before.join(now, on=["source", "key"], suffix="_now")
    assert both.height > 10_000
    assert now.height - both.height >= both.height / 200, "hardly any person is new"
    moved = both.filter(pl.col("person_id") != pl.col("person_id_now"))
    assert moved.height <= both.height / 1000
    new = now.join(before, on="person_id", how="anti")
    assert new.height
    assert new["person_id"].min() > before["person_id"].max()
    changes = pl.read_parquet(delivered[1] / "tables" / "person_changes.parquet")
    assert changes.columns == ["old_person_id", "person_id", "change"]
    assert set(moved["person_id"]) <= set(changes["old_person_id"])
    assert changes.height <= before["person_id"].n_unique() / 100


def left_out(study: Path, *person: str) -> None:
    """Take the rows of a person, who is known by names and numbers, out of the extracts of the tiny country."""
    for path in (study.parent / "extracts").glob("*.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not any(one in line for one in person)))


def taken_for_another(study: Path, name: str, born: date) -> None:
    """Let both extracts of the number for work have another name, birth date and postcode of a person."""
    for extract in ("mws", "activity_people"):
        path = study.parent / "extracts" / f"{extract}.csv"
        lines = path.read_text().splitlines(keepends=True)
        (number,) = [number for number, line in enumerate(lines) if name in line]
        for old, new in ((name, "Xaver,Zwingli"), (f"{born}", "1951-01-17"), (f"{born:%d/%m/%Y}", "17/01/1951")):
            lines[number] = lines[number].replace(old, new)
        path.write_text("".join(lines))


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> tuple[tuple[Study, Path], tuple[Study, Path]]:
    """Two deliveries of the tiny country, the second run through the whole chain: one merge, split, new and gone.

    In the first, Piotr is taken for another where he works, and Quim has not come; in the second that is corrected,
    but Olga is taken for another, and there is nothing of Harold.
    """
    folder = tmp_path_factory.mktemp("planted")
    first, second = write_study(folder / "first"), write_study(folder / "second")
    taken_for_another(first, "Piotr,Pawlak", date(1988, 10, 7))
    left_out(first, "Quim", nino(QUIM))
    taken_for_another(second, "Olga,Olszewska", date(1990, 5, 20))
    left_out(second, "Harold", nino(HAROLD), f"S{NUMBERS['Harold']:011d}")
    before, run = read_study(first), folder / "first" / "run"
    records = run_chain(before, run, threads=2, stages=STAGES[:2], listener=NullListener())
    link_files({name: one.folder / name for one in records.values() for name in one.outputs}, run / "tables")
    (run / "manifest.json").write_text(json.dumps({"key_id": read_key(before).key_id}))
    second.write_text(second.read_text() + f'\n[linkage]\nprevious = "{run}"\n')
    now = read_study(second)
    run_chain(now, folder / "second" / "run", threads=2, listener=NullListener())
    return (before, run), (now, folder / "second" / "run")


def numbers_of(study: Study, run: Path) -> dict[tuple[str, str], int]:
    """Return the person number of each true person (by given name) in the sources of patients and of work."""
    contracts, key = delivered_contracts(study), read_key(study)
    known = {
        "pds": {one.given: nhs_number(one) for one in PEOPLE},
        "activity": {one.given: nino(one) for one in PEOPLE if one.weeks},
    }
    true = [
        pl.DataFrame({"name": list(numbers)}).with_columns(
            source=pl.lit(source),
            key=direct_identifier_tokens(key, contracts[source].person_key_kind, pl.Series(list(numbers.values()))),
        )
        for source, numbers in known.items()
    ]
    found = people_of(study, run).join(pl.concat(true), on=["source", "key"])
    return {(source, name): number for source, name, number in found.select("source", "name", "person_id").rows()}


def test_the_published_changes_are_those_that_were_planted(planted):
    before, now = numbers_of(*planted[0]), numbers_of(*planted[1])
    assert before["activity", "Piotr"] != before["pds", "Piotr"]
    assert now["activity", "Piotr"] == now["pds", "Piotr"] == before["pds", "Piotr"]
    assert before["activity", "Olga"] == before["pds", "Olga"] == now["pds", "Olga"]
    with (planted[1][1] / "tables" / "person_changes.csv").open() as file:
        changes = {(int(row["old_person_id"]), int(row["person_id"]), row["change"]) for row in csv.DictReader(file)}
    assert changes == {
        (before["activity", "Piotr"], now["pds", "Piotr"], "merged"),
        (before["pds", "Olga"], now["activity", "Olga"], "split"),
        (before["pds", "Harold"], before["pds", "Harold"], "gone"),
    }
    new = {now["activity", "Olga"], now["pds", "Quim"]}
    assert min(new) > max(before.values())
    assert now["activity", "Quim"] == now["pds", "Quim"]
    planted_ones = {"Piotr", "Olga", "Harold", "Quim"}
    assert {one: number for one, number in now.items() if one[1] not in planted_ones} == {
        one: number for one, number in before.items() if one[1] not in planted_ones
    }
    stays = pl.read_parquet(planted[1][1] / "tables" / "stays.parquet")
    assert set(stays["person_id"]) <= set(now.values()), "later stages have other numbers"
    assert now["pds", "Piotr"] in stays["person_id"]
