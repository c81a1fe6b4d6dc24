"""The stages of this package: what each reads, and the part of a study that it declares."""

from datetime import date
from pathlib import Path
from typing import Self

from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.stage import Skip, Stage, StudyPart
from pipeline.study import Study
from rules.calibration import Calibration, read_calibration
from rules.delivered_sources import without_stays
from rules.evidence_spans import check_evidence_covers, extracts_read
from rules.model import EvidenceRules, PersonRules
from rules.rule_set import person_rules_of, read_rule_set


class EvidenceStudy(StudyPart):
    """The part of a study on which evidence depends: its evidence rules, and the sources that they can read."""

    rules: EvidenceRules
    contracts: dict[str, SourceContract]

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` for every mistake in its rule set."""
        return cls(study_file=study.path, rules=read_rule_set(study).evidence, contracts=delivered_contracts(study))


class StaysStudy(StudyPart):
    """The part of a study on which people, stays, migrations and residence depend.

    `rule_set` and `rule_set_digest` identify all rules together, `rule_set_extends` the sets that they were made
    from, for the manifest; `calibration` says what probabilities mean, and `calibrated_by` by which file; `extracts`
    are those that the rules on people read; `skips` says why there are no stays, if there are none.
    """

    rules: PersonRules
    rule_set: str
    rule_set_digest: str
    rule_set_extends: str
    extracts: tuple[str, ...]
    contracts: dict[str, SourceContract]
    data_date: date
    stock_years: tuple[int, ...]
    calibration: Calibration
    calibrated_by: str
    skips: tuple[Skip, ...]

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` for mistakes in its rules and its periods.

        That is an unknown definition, or a period outside the time that a contract covers.
        """
        rule_set, contracts = read_rule_set(study), delivered_contracts(study)
        rules, skip = person_rules_of(rule_set, study), without_stays(rule_set, contracts)
        calibration, calibrated_by = read_calibration(study, rule_set.id, rule_set.digest, rules.published)
        extracts = extracts_read(rule_set, contracts)
        if skip is None:
            check_evidence_covers(study, extracts, contracts)
        return cls(
            study_file=study.path,
            rules=rules,
            rule_set=rule_set.id,
            rule_set_digest=rule_set.digest,
            rule_set_extends=", ".join(f"{one.id} {one.digest}" for one in rule_set.extends),
            extracts=extracts,
            contracts=contracts,
            data_date=study.data_date,
            stock_years=study.periods.stock_years,
            calibration=calibration,
            calibrated_by=calibrated_by,
            skips=() if skip is None else (skip,),
        )


EVIDENCE = Stage(
    "evidence",
    reads=("ingest",),
    package="rules",
    declared_data=("sets",),
    part=EvidenceStudy,
    work="rules.evidence:evidence",
)
STAYS = Stage(
    "stays",
    reads=("ingest", "link", "evidence"),
    package="rules",
    declared_data=("sets",),
    part=StaysStudy,
    work="rules.stays:stays",
)
