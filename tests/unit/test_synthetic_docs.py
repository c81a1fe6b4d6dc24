"""The documentation names every error with the default that the code has."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

from synthetic_data.errors import Errors

PAGE = Path(__file__).parents[2] / "docs" / "synthetic_data.md"


def defaults(errors: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    for field in fields(errors):
        value = getattr(errors, field.name)
        name = f"{prefix}{field.name}"
        if is_dataclass(value):
            yield from defaults(value, f"{name}.")
        elif isinstance(value, tuple):
            yield name, ", ".join(f"{group} {rate:g}" for group, rate in value)
        else:
            yield name, f"{value:g}"


def test_the_page_tells_every_error_and_its_default() -> None:
    errors = PAGE.read_text(encoding="utf-8").split("## Errors")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]*) \|", errors, flags=re.MULTILINE)
    told = {name: re.sub(r"[0-9.]+", lambda number: f"{float(number[0]):g}", value) for name, value in rows}
    assert told == dict(defaults(Errors()))
