"""The `sojourn` command, to which every module of verbs adds its own."""

from importlib.metadata import version
from typing import Annotated

from cyclopts import App, Parameter

Threads = Annotated[int, Parameter(help="Processor threads to use; no figure depends on it.")]

app = App(
    name="sojourn",
    help="Migration and population statistics from administrative records, with known quality.",
    version=f"sojourn {version('sojourn')}",
    help_epilogue="Start with: sojourn demo",
    exit_on_error=False,
    print_error=True,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
