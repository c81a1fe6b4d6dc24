"""TOML files read into frozen models; a wrong key is an error that names file, key and nearest valid name."""

import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import UserError, unknown


class Frozen(BaseModel):
    """A model that nobody changes and that knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds; raises `UserError` if it is missing, unreadable or malformed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}). It must be a TOML file in UTF-8.") from None
    try:
        return tomllib.loads(text)
    except ValueError as error:  # tomllib lets the one on numbers of thousands of digits pass as it is
        raise UserError(f"{path}: malformed TOML: {error}. Mend that line and run again.") from None
    except RecursionError:
        raise UserError(f"{path}: malformed TOML: nested too deeply. Take it apart.") from None


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return `data` as a `model`; every mistake in it is told in one `UserError` that begins with `where`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        told = "\n".join(_tell(model, data, one, where) for one in error.errors())
    # raised here: an error of pydantic that is the context of another is never freed
    raise UserError(told)


def _tell(model: type[BaseModel], data: Mapping[str, Any], error: Any, where: str) -> str:
    steps = [str(step) for step in error["loc"]]
    place = ".".join(steps)
    if error["type"] == "extra_forbidden":
        valid = _keys_at(model, steps[:-1])
        if valid:
            parent = ".".join(steps[:-1])
            return str(unknown("key", steps[-1], valid, f"{where}{f', [{parent}]' if parent else ''}"))
        return f"{where}: unknown key '{place}'. Remove it."
    if error["type"] == "missing":
        return f"{where}: the key '{place}' is missing. Add it."
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if not place:
        return f"{where}: {message}"
    # a mistake in a whole table is told by its message; the table itself would fill the screen
    found = "" if isinstance(error["input"], dict | BaseModel) else f" (found {reprlib.repr(error['input'])})"
    return f"{where}, key '{place}': {message}{found}."


def _keys_at(model: Any, steps: list[str]) -> list[str]:
    """Return the keys valid at a place, following fields, lists and mappings of models."""
    for step in steps:
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            model = _inner_model(model.model_fields[step].annotation)
        elif not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
        # a number or a name that is no field steps into a list or a mapping of the same model
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
