"""A delivery after another one: people keep the numbers that they have in the finished run of that one."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.chain import STAGES, run_chain
from flows.progress import NullListener
from linkage.stored_people import keys_of_people
from pipeline.disk import link_files
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.study import Study, read_study
from synthetic_data.simulate import simulate

RESIDENTS, SEED = 3_000, 42
"""Those of the demo: its country."""
DAYS = (date(2019, 12, 31), date(2020, 9, 30))


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
