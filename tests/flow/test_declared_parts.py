"""A stage is given the part of the study that it declares and nothing else, and its key follows from that part.

The study is that of the demo.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from flows.chain import STAGES, StageRun, declared_parts, run_chain
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.stage import Stage, StageContext, StageRecord, StageResult, StudyFile, StudyPart
from pipeline.store import stage_key
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


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_a_stage_cannot_read_what_it_did_not_declare(stage, study, parts):
    part = parts[stage.name]
    undeclared = set(Study.model_fields) - set(type(part).model_fields)
    assert undeclared
    for name in undeclared:
        with pytest.raises(AttributeError):
            getattr(part, name)
    assert not isinstance(part, Study)


def test_a_stage_that_reads_what_it_did_not_declare_fails(parts, tmp_path):
    def reads_the_seed(context: StageContext) -> StageResult:
        return StageResult(counts={"seed": context.study.seed}, sentence="")

    context = StageContext(study=parts["evidence"], folders={}, out=tmp_path)
    with pytest.raises(AttributeError, match="seed"):
        reads_the_seed(context)


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
        shutil.copytree(study, hidden)
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
    for name, field in type(part).model_fields.items():
        other = type(part).model_construct(**dict(part) | {name: None})
        assert (stage_key(stage, other, []) == key) == bool(field.exclude), name


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
