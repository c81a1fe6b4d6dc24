"""Settings that keep Prefect quiet, local and inside the run folder; they must be made before it is imported."""

import os
from pathlib import Path

from pipeline.disk import make_folder
from pipeline.errors import UserError

UNUSABLE_SIGNS = "%?\\"
"""Signs of a folder that the URL of Prefect's database cannot have: it would be refused, or be elsewhere."""


def settle(run: Path) -> None:
    """Set what the user has not set: no telemetry, few messages, state inside the run folder, time to start.

    Raises `UserError` for a folder in which Prefect cannot keep its state.
    """
    defaults = {
        "PREFECT_HOME": str(run / ".prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    home = os.environ["PREFECT_HOME"]
    if set(home).intersection(UNUSABLE_SIGNS):
        raise UserError(
            f"{home}: Prefect cannot use a folder whose path has one of {' '.join(UNUSABLE_SIGNS)}. Choose another "
            "--out, set PREFECT_HOME to another folder, or run without --prefect."
        )
    make_folder(Path(home))  # Prefect makes only the last folder
