"""A stage is given the part of the study that it declares and nothing else, and its key follows from that part.

The study is that of the demo.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from flows.chain import STAGES, StageRun, declared_parts, run_chain
from flows.progress import NullListener
from linkage.model_file import ModelFile
from pipeline.errors import UserError
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.stage import Stage, StageContext, StageRecord, StageResult, StudyFile, StudyPart
from pipeline.store import Store, stage_key
from pipeline.study import Study, read_study

NAMES = [stage.name for stage in STAGES]


def files_of(value: object) -> Iterator[Path]:
    """Yield the paths of all files that a part declares, however deep in it."""
    if isinstance(value, StudyFile):
        yield value.path
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from files_of(getattr(value, name))
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from files_of(getattr(value, field.name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from files_of(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from files_of(one)


@dataclass(frozen=True)
class IsolatedRun:
    """A run of a study, and by stage the names of the files that its folder contained."""

    study: Study
    run: Path
    visible: dict[str, set[str]]


@pytest.fixture(scope="module")
def study(demo) -> Study:
    return read_study(demo.study)


@pytest.fixture(scope="module")
def parts(study, demo) -> dict[str, StudyPart]:
    return declared_parts(study, demo.run)


def reads_undeclared(context: StageContext) -> StageResult:
    """A stage's function that reads a key of the study which no stage declares."""
    return StageResult(counts={}, sentence=str(context.study.key_file))


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_a_stage_that_reads_what_it_did_not_declare_fails(stage, parts, demo, tmp_path):
    """The stage is run as in the chain, on the demo's stored results, with a function that reads more."""
    assert "key_file" in Study.model_fields
    store = Store(demo.run)
    upstream = {
        name: record
        for name in stage.reads
        for folder in (demo.run / "store" / name).iterdir()
        if (record := store.finished(name, json.loads((folder / "stage.json").read_text())["key"]))
    }
    assert list(upstream) == list(stage.reads)
    curious = replace(stage, work=f"{__name__}:reads_undeclared")
    one = StageRun(curious, parts[stage.name], upstream, Store(tmp_path), 1, NullListener())
    with pytest.raises(AttributeError, match="key_file"):
        one()
    assert not list((tmp_path / "store").glob("*/*/stage.json"))


@pytest.fixture(scope="module")
def isolated(demo, tmp_path_factory) -> IsolatedRun:
    """The demo's study run with another key, while its folder contains only what the current stage declares."""
    folder = tmp_path_factory.mktemp("isolated")
    study, hidden, out = folder / "study", folder / "hidden", folder / "run"
    shutil.copytree(demo.study.parent, study)
    key = study / "synthetic.key"
    key.write_text(key.read_text().splitlines()[0] + "\n" + "5a" * 32 + "\n")
    visible: dict[str, set[str]] = {}

    def execute(one: StageRun) -> StageRecord:
        declared = set(files_of(one.part))
        visible[one.stage.name] = {path.name for path in declared}
        shutil.copytree(study, hidden, copy_function=os.link)
        for path in [path for path in study.rglob("*") if path.is_file() and path not in declared]:
            path.unlink()
        record = one()
        shutil.rmtree(study)
        hidden.rename(study)
        return record

    records = run_chain(read_study(study), out, execute=execute)
    assert [record.reused for record in records.values()] == [False] * len(STAGES)
    return IsolatedRun(read_study(study), out, visible)


def test_a_stage_needs_only_those_files_of_the_study_that_it_declares(isolated):
    assert set(isolated.visible) == set(NAMES)
    assert {"mws.csv", "pds.parquet", "review_sample.csv"} <= isolated.visible["ingest"]
    assert not any(isolated.visible[name] for name in NAMES if name != "ingest")


def test_another_key_gives_other_tokens_and_the_same_figures(demo, isolated, digests):
    ours, theirs = digests(demo.run), digests(isolated.run)
    differing = {name for name in ours | theirs if ours.get(name) != theirs.get(name)}
    contracts = delivered_contracts(isolated.study)
    tokens = {f"tokens/{source}.parquet" for source in contracts}
    # records contain tokens of other people and of former addresses: a mother, a child, a partner
    others = {
        f"records/{name}.parquet"
        for contract in contracts.values()
        for name, extract in contract.extracts.items()
        if any(column.of and column.is_clear_identifier for column in extract.columns.values())
    }
    assert differing == tokens | others


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_every_declared_value_is_in_the_key_and_no_folder_is(stage: Stage, parts):
    part = parts[stage.name]
    key = stage_key(stage, part, [])
    moved = part.model_copy(update={"study_file": Path("/elsewhere/study.toml")})
    assert stage_key(stage, moved, []) == key
    # a commit and a lock name the code and the versions that are in the key themselves
    in_no_key = {"study_file"} | {"ingest": {"key"}, "publish": {"commit", "lock"}}.get(stage.name, set())
    for name in type(part).model_fields:
        other = type(part).model_construct(**dict(part) | {name: None})
        assert (stage_key(stage, other, []) == key) == (name in in_no_key or getattr(part, name) is None), name


def test_of_a_declared_file_only_its_folder_is_in_no_key():
    for model in (StudyFile, ModelFile):
        assert {name for name, field in model.model_fields.items() if field.exclude} == {"path"}


def test_the_order_of_a_contract_s_extracts_is_in_the_key(parts):
    ingest = parts["ingest"]
    several = next(one for one in ingest.contracts.values() if len(one.extracts) > 1)
    turned = several.model_copy(update={"extracts": dict(reversed(several.extracts.items()))})
    other = ingest.model_copy(update={"contracts": ingest.contracts | {several.source: turned}})
    assert stage_key(STAGES[0], other, []) != stage_key(STAGES[0], ingest, [])


def test_a_file_that_changes_while_it_is_read_stops_the_run(study_copy, tmp_path):
    def meddle(one: StageRun) -> StageRecord:
        births = study_copy.parent / "extracts" / "births.csv"
        births.write_text(births.read_text() + births.read_text().splitlines()[-1] + "\n")
        return one()

    with pytest.raises(UserError, match="births.csv: the file changed while the run was reading it"):
        run_chain(read_study(study_copy), tmp_path / "run", execute=meddle)


@pytest.mark.parametrize(
    ("change", "computed_again"),
    [
        ({"name": "renamed"}, {"publish"}),
        ({"seed": 7}, {"link", "count", "publish"}),
        ({"data_date": "2019-12-30"}, {"ingest", "stays", "account", "publish"}),
    ],
    ids=["name", "seed", "data date"],
)
def test_a_change_of_the_study_reaches_the_stages_that_declare_it(change, computed_again, study_copy, parts, demo):
    text = study_copy.read_text()
    for name, value in change.items():
        line = next(one for one in text.splitlines() if one.startswith(f"{name} = "))
        text = text.replace(line, f"{name} = {value if name != 'name' else repr(value)}")
    study_copy.write_text(text)
    changed = declared_parts(read_study(study_copy), study_copy.parent.parent / "run")
    differing = {name for name, part in changed.items() if part.declared != parts[name].declared}
    assert differing == computed_again
