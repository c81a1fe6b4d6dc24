"""What a form of stay rule must supply, and the keys that all forms share; `__init__.py` lists the forms.

There are two kinds. A `SpellRule` makes spells of presence from evidence, which the same SQL then classifies. A
`ResidenceRule` (`residence_rule.py`) looks at crossings of the border alone and says itself when residence changes.
"""

from abc import abstractmethod
from datetime import date
from typing import ClassVar

from pipeline.toml_files import Frozen
from rules.fields import Days, RuleId, SomeDays
from rules.sql_text import quoted


class StayRule(Frozen):
    """What all stay rules have.

    `indispensable` names the keys of a form whose evidence a study must have: without it, stays would be wrong.
    """

    indispensable: ClassVar[tuple[str, ...]] = ()

    id: RuleId
    says: str
    source_of_rule: str
    form: str


class SpellRule(StayRule):
    """A stay rule that makes spells: the days that a stay must exceed, the absence that ends it, the SQL of spells.

    A spell longer than `more_than_days` is long-term, and an absence longer than `absent_more_than_days` ends it, by
    the values in force when the one or the other began. An absence is at least a day long, because no day lies
    between two tax years or permissions in succession.
    """

    more_than_days: Days
    absent_more_than_days: SomeDays

    @abstractmethod
    def spells(self) -> str:
        """Return SQL that makes spells of presence, in the columns that `rules/forms/spells.py` lists.

        It may read the views `known` (evidence with `person_id`, as known on the day of `cut`), `person`, and `cut`
        (one row, `day`: the data date, or the same day of the year before). Keys that name evidence rules have the
        type `EvidenceIds`, so that their names are checked.
        """

    def longest_absence(self) -> str:
        """Return SQL, over the columns of a spell, of the longest absence after it that would not have ended it."""
        return self.absent_more_than_days.at("stop")

    def observed_until(self, day: date) -> str:
        """Return SQL of the first day that the rule cannot observe when `day` is the data date: the day after it."""
        return f"{quoted(day)} + 1"
