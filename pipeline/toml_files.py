"""Reading TOML files into frozen models; a wrong key is an error that names file, key and nearest valid name."""

import functools
import reprlib
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import UserError, unknown


class Frozen(BaseModel):
    """An immutable model that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file; raises `UserError` if it is missing, unreadable or malformed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}). It must be a TOML file in UTF-8.") from None
    try:
        return deepcopy(_parsed(text))  # each reader gets tables of its own
    except ValueError as error:  # tomllib does not wrap the error for integers of thousands of digits
        raise UserError(f"{path}: malformed TOML: {error}. Correct that line and run again.") from None
    except RecursionError:
        raise UserError(f"{path}: malformed TOML: nested too deeply. Reduce the nesting.") from None


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> dict[str, Any]:
    """Return the contents of TOML; a text is parsed once, as each stage reads the contracts and rules it declares."""
    return tomllib.loads(text)


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return `data` as a `model`; one `UserError` lists every error in it, each line beginning with `where`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        message = "\n".join(_describe(model, one, where) for one in error.errors())
    # raised outside the handler: as its context, pydantic's error would never be freed
    raise UserError(message)


def _describe(model: type[BaseModel], error: Any, where: str) -> str:
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
    # the value is omitted where it is a whole table, which would fill the screen
    found = "" if isinstance(error["input"], dict | BaseModel) else f" (found {reprlib.repr(error['input'])})"
    return f"{where}, key '{place}': {message}{found}."


def _keys_at(model: Any, steps: list[str]) -> list[str]:
    """Return the valid keys at a place, following fields, lists and mappings of models."""
    for step in steps:
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            model = _inner_model(model.model_fields[step].annotation)
        elif not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
        # an index, or a name that is not a field, steps into a list or a mapping of the same model
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
