"""The stage of this package: what it reads, and the part of a study that it declares."""

import os
from datetime import date
from pathlib import Path
from typing import Self

from pipeline.stage import Stage, StudyPart
from pipeline.study import Study, digest_of_file


class PublishStudy(StudyPart):
    """The part of a study that is published with its tables.

    `location` is the study file as seen from the run folder, `digest` the SHA-256 of its bytes: a study that was
    renamed, moved or annotated is published anew, so that no manifest describes another one.
    """

    name: str
    synthetic: bool
    data_date: date
    seed: int
    location: str
    digest: str

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
        )


PUBLISH = Stage(
    "publish",
    reads=("ingest", "link", "evidence", "stays", "count", "account"),
    package="publication",
    part=PublishStudy,
    work="publication.publish:publish",
)
