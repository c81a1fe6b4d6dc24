"""The plan of linkage: the spine, and which source is linked with which, read from `plan.toml`."""

from collections.abc import Collection
from pathlib import Path

from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.ingest.columns import PARTS_OF_A_PERSON
from pipeline.ingest.contracts import SourceContract
from pipeline.toml_files import Frozen, parse, read_toml

PLAN = Path(__file__).with_name("plan.toml")
SURVEY = "coverage_survey"
REVIEW = "review_sample"
"""The source of clerical verdicts on the links of the survey with the spine."""


class LinkagePlan(Frozen):
    """The spine, the sources that are not linked with it by a model of their own, and the thresholds of links."""

    spine: str
    by_keys_only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    accept: float = Field(ge=0, le=1)
    rival_margin: float = Field(ge=0)
    residual_pairs: tuple[tuple[str, str], ...] = Field(default=())

    @model_validator(mode="after")
    def _spine_is_linked(self) -> "LinkagePlan":
        if self.spine in self.never:
            raise ValueError(f"the spine '{self.spine}' is also listed under 'never'. Remove it from one of the two")
        return self

    def linked_sources(self, contracts: dict[str, SourceContract]) -> list[str]:
        """Return the sources whose subjects become people: the spine first, then by name.

        Raises `UserError` if the study's sources do not allow this spine.
        """
        if self.spine not in contracts:
            raise UserError(
                f"The study has no source '{self.spine}', the spine with which all others are linked. "
                f"Add an [[extract]] for it, or name another spine in {PLAN}."
            )
        if not _describes_people(contracts[self.spine]):
            raise UserError(
                f"{PLAN}: '{self.spine}' cannot be the spine, because its contract has fewer than two of "
                f"{', '.join(PARTS_OF_A_PERSON)}, by which other sources are linked with it. Name another spine."
            )
        key = contracts[self.spine].person_key_kind
        if self.has_review(contracts) and key not in _kinds_of_matches(contracts[REVIEW]):
            raise UserError(
                f"{PLAN}: '{self.spine}' cannot be the spine, because the clerical review '{REVIEW}' does not name "
                f"its matches by '{key}'. Name another spine, or leave the review out of the study."
            )
        return [self.spine, *sorted(set(contracts) - {self.spine, *self.never})]

    def has_review(self, contracts: dict[str, SourceContract]) -> bool:
        """Return whether the study has a survey and a clerical review of its links with the spine."""
        return SURVEY in contracts and REVIEW in contracts

    def required_extracts(self, contracts: dict[str, SourceContract]) -> dict[str, str]:
        """Return why links need the extracts of the spine, of the survey and of its review, by extract."""
        why = {self.spine: f"all other sources are linked with '{self.spine}'"}
        if self.has_review(contracts):
            why[SURVEY] = "coverage is estimated from its links"
            why[REVIEW] = "it shows how well the coverage survey was linked"
        return {extract: reason for source, reason in why.items() for extract in contracts[source].extracts}

    def modelled(self, sources: Collection[str], contracts: dict[str, SourceContract]) -> list[str]:
        """Return the sources that get a model of their own with the spine: those that describe people."""
        return [
            source
            for source in sources
            if source != self.spine and source not in self.by_keys_only and _describes_people(contracts[source])
        ]

    def check_models(self, names: Collection[str], contracts: dict[str, SourceContract], where: str) -> None:
        """Raise `UserError`, which begins with `where`, if a name is not that of a model that these sources get."""
        _, *others = self.linked_sources(contracts)
        pairs = [model_name(*pair) for pair in self.pairs_among_residuals(others)]
        known = [*self.modelled(others, contracts), *pairs]
        for name in names:
            if name not in known:
                raise unknown("model", name, known, where)

    def pairs_among_residuals(self, sources: Collection[str]) -> list[tuple[str, str]]:
        """Return the pairs of sources whose residual subjects are linked with one another, of those in `sources`."""
        return [(left, right) for left, right in self.residual_pairs if left in sources and right in sources]


def model_name(left: str, right: str) -> str:
    """Return the name of the model of two sources' residual subjects; one with the spine has its source's name."""
    return f"{left}_{right}"


def _describes_people(contract: SourceContract) -> bool:
    return len(contract.identifier_kinds.intersection(PARTS_OF_A_PERSON)) > 1


def _kinds_of_matches(review: SourceContract) -> set[str | None]:
    """Return the kinds of identifiers by which a clerical review names the subject it found on the spine."""
    columns = [one for extract in review.extracts.values() for one in extract.columns.values()]
    return {one.identifier for one in columns if one.of == "match"}


def read_plan(path: Path = PLAN) -> LinkagePlan:
    """Return the plan in a TOML file; raises `UserError`."""
    return parse(LinkagePlan, read_toml(path), str(path))
