"""The stage of this package: what it reads, and the part of a study that it declares."""

from datetime import date
from pathlib import Path
from typing import Self

from linkage.model_file import ModelFile, read_model_file
from linkage.model_name import model_name
from linkage.plan import SURVEY, LinkagePlan, models_of, plan_of
from linkage.stored_people import StoredPeople, models_in
from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.keys import read_key
from pipeline.stage import Stage, StudyPart
from pipeline.study import LinkageSettings, Study


class LinkStudy(StudyPart):
    """The part of a study on which links depend.

    `contracts` are those of the sources that the study has, `plan` says who is linked with whom. `model_files` gives
    the models that are read instead of trained, by name: from files of the study, or of the earlier run that it
    names, whose people are `stored_people`. `groups_on` is the day of the ages by which quality is grouped,
    `survey_date` the reference date of the coverage survey; `seed` draws the training samples.
    """

    contracts: dict[str, SourceContract]
    plan: LinkagePlan
    linkage: LinkageSettings
    model_files: dict[str, ModelFile]
    survey_date: date
    groups_on: date
    seed: int
    stored_people: StoredPeople | None = None

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` where its sources do not allow what it asks for."""
        contracts = delivered_contracts(study)
        plan = plan_of(study.linkage, contracts, f"{study.path}, [linkage]")
        previous = study.resolve(study.linkage.previous, confined=False).resolve() if study.linkage.previous else None
        if previous == run.resolve():
            raise UserError(
                f"{study.path}, [linkage] 'previous': names the folder of this run itself. Choose another --out."
            )
        pairs = models_of(plan, study.linkage.models, f"{study.path}, [linkage.models]")
        stated = {model_name(*pairs[name]): study.resolve(file) for name, file in study.linkage.models.items()}
        stored = models_in(previous, [model_name(*pair) for pair in plan.modelled]) if previous else {}
        return cls(
            study_file=study.path,
            contracts=contracts,
            plan=plan,
            linkage=study.linkage.model_copy(update={"models": {}, "name_variants": None, "previous": None}),
            model_files={name: read_model_file(name, path) for name, path in (stored | stated).items()},
            survey_date=study.coverage.reference_date,
            groups_on=day_of_groups(study),
            seed=study.seed,
            stored_people=StoredPeople.read(previous, contracts, read_key(study).key_id) if previous else None,
        )


def day_of_groups(study: Study) -> date:
    """Return the day of the ages by which the quality of links is grouped: the coverage survey's, if there is one."""
    return study.coverage.reference_date if SURVEY in delivered_contracts(study) else study.data_date


LINK = Stage("link", reads=("ingest",), package="linkage", part=LinkStudy, work="linkage.link:link")
