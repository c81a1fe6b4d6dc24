"""The types of the keys of a rule: which values a key may have, and which names it refers to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field

RuleId = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Days = Annotated[int, Field(ge=0, le=36_600)]  # a century: no rule looks further, and every date stays a date


@dataclass(frozen=True)
class NamesOf:
    """Marks a key whose values must be names of existing things; `rules/references.py` checks that they are."""

    thing: Literal["evidence rule", "code"]


EvidenceIds = Annotated[tuple[str, ...], NamesOf("evidence rule")]
Codes = Annotated[tuple[str, ...], NamesOf("code")]


def names_in(model: BaseModel, thing: Literal["evidence rule", "code"]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each key of a rule that refers to things of one kind, with the names in it."""
    for key, field in type(model).model_fields.items():
        if NamesOf(thing) in field.metadata:
            yield key, getattr(model, key)
