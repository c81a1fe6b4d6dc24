"""The pseudonymisation key from a Secret block of Prefect, for workers that have no key file."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from prefect.blocks.system import Secret

from pipeline.errors import UserError
from pipeline.keys import KEY_FILE_VARIABLE, KEY_VARIABLE
from pipeline.study import Study


@contextmanager
def key_of_block(name: str | None, study: Study) -> Generator[None]:
    """Let `read_key` find the key of a block, in this process and while the block lasts; without a name do nothing.

    Raises `UserError` if there is no such block, or if another key would be used in its place.
    """
    if name is None:
        yield
        return
    other = "'key_file'" if study.key_file else _key_of_environment()
    if other is not None:
        raise UserError(
            f"{study.path}: the key block '{name}' is named, and {other} names another key. Leave out one of the two."
        )
    os.environ[KEY_VARIABLE] = _read(name)
    try:
        yield
    finally:
        del os.environ[KEY_VARIABLE]


def _key_of_environment() -> str | None:
    return next((one for one in (KEY_FILE_VARIABLE, KEY_VARIABLE) if os.environ.get(one)), None)


def _read(name: str) -> str:
    try:
        block = Secret.load(name)
        value = block.get() if isinstance(block, Secret) else None
    except ValueError:
        value = None  # raised outside the handler: nothing of the block may be in a traceback
    if not isinstance(value, str):
        raise UserError(f"key block '{name}': Prefect has no Secret block of that name with a text in it. Make one.")
    return value
