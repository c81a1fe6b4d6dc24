"""The stage of this package: what it reads, and the part of a study that it declares."""

from datetime import date
from pathlib import Path
from typing import Self

from linkage.model_file import ModelFile, read_model_file
from linkage.plan import read_plan
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.stage import Stage, StudyPart
from pipeline.study import LinkageSettings, Study


class LinkStudy(StudyPart):
    """The part of a study on which links depend.

    `contracts` are those of the sources that the study has; `model_files` gives the models that are read
    from a file instead of trained; `survey_date` is the reference date of the coverage survey; `seed` draws the
    training samples.
    """

    contracts: dict[str, SourceContract]
    linkage: LinkageSettings
    model_files: dict[str, ModelFile]
    survey_date: date
    seed: int

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` where the plan has no spine or no model for it."""
        contracts, where = delivered_contracts(study), f"{study.path}, [linkage.models]"
        read_plan().check_models(study.linkage.models, contracts, where)
        return cls(
            study_file=study.path,
            contracts=contracts,
            linkage=study.linkage.model_copy(update={"models": {}}),
            model_files={
                name: read_model_file(name, study.resolve(file)) for name, file in study.linkage.models.items()
            },
            survey_date=study.coverage.reference_date,
            seed=study.seed,
        )


LINK = Stage("link", reads=("ingest",), package="linkage", part=LinkStudy, work="linkage.link:link")
