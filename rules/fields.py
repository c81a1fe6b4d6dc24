"""The types of the keys of a rule: which values a key may have, and which names it refers to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from rules.parameters import Bounds, Parameter

RuleId = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]

# A century: no rule looks further, and every date stays a date.
Days = Annotated[Parameter, AfterValidator(Bounds("days", 0, 36_600))]
SomeDays = Annotated[Parameter, AfterValidator(Bounds("days", 1, 36_600))]
Months = Annotated[Parameter, AfterValidator(Bounds("months", 0, 1200))]
SomeMonths = Annotated[Parameter, AfterValidator(Bounds("months", 1, 1200))]
Years = Annotated[Parameter, AfterValidator(Bounds("years", 1, 50))]
Age = Annotated[Parameter, AfterValidator(Bounds("years", 0, 120))]
WeeksOfYear = Annotated[Parameter, AfterValidator(Bounds("weeks", 1, 53))]
Weeks = Annotated[Parameter, AfterValidator(Bounds("weeks", 1, 5_300))]
Cases = Annotated[Parameter, AfterValidator(Bounds("cases", 1, 1_000_000_000))]
Times = Annotated[Parameter, AfterValidator(Bounds("times", 1, 1_000_000))]
Families = Annotated[Parameter, AfterValidator(Bounds("families", 1, 100))]
Share = Annotated[Parameter, AfterValidator(Bounds("share", 0, 1))]
Probability = Annotated[Parameter, AfterValidator(Bounds("probability", 0, 1))]
Classes = Annotated[Parameter, AfterValidator(Bounds("classes", 1, 12))]
Points = Annotated[Parameter, AfterValidator(Bounds("points", 0, 1))]


Thing = Literal["evidence rule", "code", "sign", "exclusion"]


@dataclass(frozen=True)
class NamesOf:
    """Marks a key whose values must be names of existing things; `rules/references.py` checks that they are."""

    thing: Thing


EvidenceIds = Annotated[tuple[str, ...], NamesOf("evidence rule")]
Codes = Annotated[tuple[str, ...], NamesOf("code")]


def names_in(model: BaseModel, thing: Thing) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each key of a rule that refers to things of one kind, with the names in it."""
    for key, field in type(model).model_fields.items():
        if NamesOf(thing) in field.metadata:
            yield key, getattr(model, key)
