"""The documentation lists every error as in the catalogue, every option, and every extract for other products."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from flows.commands.studies import simulate
from pipeline.ingest.contracts import read_contracts
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.source_rates import OfSource

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "synthetic_data.md"
SOURCES = ROOT / "docs" / "synthetic_sources.md"


def catalogue(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
    for name, field in type(model).model_fields.items():
        value, extra = getattr(model, name), field.json_schema_extra
        if isinstance(value, OfSource):
            yield f"{name}.factor", (f"{value.factor:g}", str(extra["source"]))
        elif isinstance(value, BaseModel) and extra:
            yield f"{prefix}{name}", (", ".join(f"{group} {rate:g}" for group, rate in value), str(extra["source"]))
        elif isinstance(value, BaseModel):
            yield from catalogue(value, f"{name}.")
        else:
            yield f"{prefix}{name}", (f"{value:g}", str(extra["source"]))


def test_the_page_lists_every_error_with_its_default_and_source() -> None:
    errors = PAGE.read_text(encoding="utf-8").split("## Errors")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_0-9.]+)` \| ([^|]*) \| [^|]* \| ([^|]*) \|", errors, flags=re.MULTILINE)
    documented = {
        name: (re.sub(r"[0-9.]+", lambda number: f"{float(number[0]):g}", value), source)
        for name, value, source in rows
    }
    assert documented == dict(catalogue(Errors()))


def test_the_page_lists_every_option_of_simulate() -> None:
    documented = set(re.findall(r"^\| `--([a-z-]+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert documented == {name.replace("_", "-") for name in inspect.signature(simulate).parameters}


def test_the_page_of_sources_names_every_extract_that_is_never_linked() -> None:
    page = SOURCES.read_text(encoding="utf-8").split("## Sources for other products")[1]
    plan = tomllib.loads((ROOT / "linkage" / "plan.toml").read_text(encoding="utf-8"))
    for source in set(plan["never"]) - {"review_sample", "link_review", "passenger_survey"}:
        for extract in read_contracts()[source].extracts:
            assert f"`{extract}`" in page
