"""The form of an entry in the catalogue of errors: a value, its meaning in words, and the source of the default."""

from typing import Annotated, Any

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
"""Days, a factor, or the spread of a logarithm."""

ASSUMED = "assumption"


def error(default: Any, what: str, source: str = ASSUMED) -> Any:
    """Return a field of the catalogue: its default, its meaning in words, and the source of the default."""
    return Field(default=default, description=what, json_schema_extra={"source": source})
