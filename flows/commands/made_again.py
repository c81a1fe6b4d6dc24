"""Runs that are made again, compared and deleted, and whether this machine can do it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.commands.app import Threads, app
from flows.loading import loading

Run = Annotated[Path, Parameter(help="The run folder.")]


@app.command
def verify(run: Run, *, threads: Threads = 2) -> int:
    """Compute a run again from its study and compare all tables: 0 if they are the same, else 1 and which differs."""
    with loading():
        from flows.again.verify import verify_run

    return verify_run(run, threads=threads)


@app.command
def reproduce(run: Run, *, threads: Threads = 2) -> int:
    """Verify a run on the commit and the libraries that made it; on others, say what to check out."""
    with loading():
        from flows.again.verify import reproduce_run

    return reproduce_run(run, threads=threads)


@app.command
def compare(
    run_a: Run,
    run_b: Annotated[Path, Parameter(help="The other run folder.")],
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the difference as JSON.")] = False,
) -> int:
    """Say whether two runs have the same tables (0) or not (1), and which stage differs first and why."""
    with loading():
        from flows.again.compare import compare_runs

    return compare_runs(run_a, run_b, as_json=as_json)


@app.command
def forget(
    run: Run,
    *,
    person_level: Annotated[
        bool, Parameter(negative="", help="All tables with a row a person or a record, for good.")
    ] = False,
) -> int:
    """Delete the person-level tables of a run; its figures stay, and can still be verified."""
    with loading():
        from flows.again.forget import forget_people

    return forget_people(run, person_level=person_level)


@app.command
def doctor(
    *, as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the findings as JSON.")] = False
) -> int:
    """Check the installation, memory, disk, key, clock and Prefect: 0 if Sojourn is usable here, else 1."""
    from flows.doctor import doctor as examine

    return examine(as_json=as_json)
