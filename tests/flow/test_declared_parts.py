"""A stage is given the part of the study that it declares and nothing else, and its key follows from that part.

The study is that of the demo.
"""

import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from flows.chain import STAGES, StageRun, declared_parts, run_chain
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


@pytest.fixture(scope="module")
def study(demo) -> Study:
    return read_study(demo.study)


@pytest.fixture(scope="module")
def parts(study, demo) -> dict[str, StudyPart]:
    return declared_parts(study, demo.run)


@pytest.mark.parametrize("stage", STAGES, ids=NAMES)
def test_what_a_stage_did_not_declare_it_cannot_read(stage, study, parts):
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


def test_a_stage_needs_no_file_of_the_study_but_those_it_declares(study_copy, demo, digests, tmp_path):
    """The whole chain runs while the study's folder contains only what the present stage declares."""
    folder, hidden, visible = study_copy.parent, tmp_path / "hidden", list[set[str]]()

    def alone(one: StageRun) -> StageRecord:
        declared = set(files_of(one.part))
        shutil.copytree(folder, hidden)
        for path in [path for path in folder.rglob("*") if path.is_file() and path not in declared]:
            path.unlink()
        visible.append({path.name for path in declared})
        record = one()
        shutil.rmtree(folder)
        hidden.rename(folder)
        return record

    records = run_chain(read_study(study_copy), tmp_path / "run", execute=alone)
    assert [record.reused for record in records.values()] == [False] * len(STAGES)
    assert [bool(names) for names in visible] == [stage.name == "ingest" for stage in STAGES]
    assert digests(tmp_path / "run") == digests(demo.run)


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
