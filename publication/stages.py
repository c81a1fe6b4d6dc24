"""The stage of this package: what it reads, and the part of a study that it declares."""

import os
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Self

from pydantic import Field

from pipeline.checkout import commit, lock_digest
from pipeline.stage import Stage, StudyPart
from pipeline.store import code_digest, library_versions
from pipeline.study import Study, digest_of_file

PACKAGES = ("estimation", "flows", "linkage", "pipeline", "publication", "rules")
OTHER_LIBRARIES = ("jinja2", "prefect", "vl-convert-python")
"""Libraries that compute nothing and are part of what is published: they draw the report, or run the chain."""


class PublishStudy(StudyPart):
    """The part of a study that is published with its tables.

    `location` is the study file as seen from the run folder, `digest` the SHA-256 of its bytes: a study that was
    renamed, moved or annotated is published anew, so that no manifest describes another one. `code` is the digest
    of all packages that make a run, `versions` are those of Sojourn and its libraries, `commit` and `lock` say what
    to check out: all are in the manifest. A commit that changes no code and no version changes no publication, so the
    two last are not in the key. `assumptions` are rows of that table, the numbers that the study's rules and settings
    declare; a package that knows them all adds them. Without a `report` the tables and the manifest are all.
    """

    name: str
    synthetic: bool
    data_date: date
    seed: int
    location: str
    digest: str
    code: str
    commit: str = Field(exclude=True)
    lock: str = Field(exclude=True)
    versions: dict[str, str]
    assumptions: tuple[dict[str, str], ...] = ()
    report: bool = True

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study."""
        return cls(
            study_file=study.path,
            name=study.name,
            synthetic=study.synthetic,
            data_date=study.data_date,
            seed=study.seed,
            location=os.path.relpath(study.path, run),
            digest=digest_of_file(study.path),
            code=code_digest(PACKAGES),
            commit=commit(),
            lock=lock_digest(),
            versions=library_versions() | {name: version(name) for name in ("sojourn", *OTHER_LIBRARIES)},
        )


PUBLISH = Stage(
    "publish",
    reads=("ingest", "link", "evidence", "stays", "count", "account"),
    package="publication",
    part=PublishStudy,
    work="publication.publish:publish",
)
