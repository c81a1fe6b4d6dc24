"""The plan of linkage: which source is linked with which, read from `plan.toml`."""

from collections.abc import Collection
from pathlib import Path

from pydantic import Field

from pipeline.errors import UserError, unknown
from pipeline.ingest.columns import PARTS_OF_A_PERSON
from pipeline.ingest.contracts import SourceContract
from pipeline.toml_files import Frozen, parse, read_toml

PLAN = Path(__file__).with_name("plan.toml")


class LinkagePlan(Frozen):
    """The spine, and the sources that are not linked with it by a model of their own."""

    spine: str
    by_keys_only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    accept: float = Field(ge=0, le=1)
    margin: float = Field(ge=0)
    left_over: tuple[tuple[str, str], ...] = Field(default=())

    def linked_sources(self, contracts: dict[str, SourceContract]) -> list[str]:
        """Return the sources whose subjects become people: the spine first, then by name.

        Raises `UserError` if the study has no files of the spine.
        """
        if self.spine not in contracts:
            raise UserError(
                f"The study has no source '{self.spine}', with which all others are linked. "
                f"Add an [[extract]] for it, or name another spine in {PLAN}."
            )
        others = sorted(set(contracts) - {self.spine, *self.never})
        return [self.spine, *others]

    def modelled(self, sources: Collection[str], contracts: dict[str, SourceContract]) -> list[str]:
        """Return the sources that get a model of their own with the spine: those that name people."""
        return [
            source
            for source in sources
            if source != self.spine
            and source not in self.by_keys_only
            and len(contracts[source].identifier_kinds.intersection(PARTS_OF_A_PERSON)) > 1
        ]

    def check_models(self, names: Collection[str], contracts: dict[str, SourceContract], where: str) -> None:
        """Raise `UserError`, which begins with `where`, if a name is not that of a model that these sources get."""
        _, *others = self.linked_sources(contracts)
        pairs = self.left_over_pairs(others)
        known = [*self.modelled(others, contracts), *(f"{left}_{right}" for left, right in pairs)]
        for name in names:
            if name not in known:
                raise unknown("model", name, known, where)

    def left_over_pairs(self, sources: Collection[str]) -> list[tuple[str, str]]:
        """Return the pairs of left-over subjects to link, of those sources that the study has."""
        return [(left, right) for left, right in self.left_over if left in sources and right in sources]


def read_plan(path: Path = PLAN) -> LinkagePlan:
    """Return the plan in a TOML file; raises `UserError`."""
    return parse(LinkagePlan, read_toml(path), str(path))
