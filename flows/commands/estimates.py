"""Estimates apart from a run."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.commands.app import Threads, app
from flows.loading import loading


@app.command
def account(
    folder: Annotated[Path, Parameter(name="DIR", help="Folder of stocks, flows, their errors and shared biases.")],
    *,
    out: Annotated[Path, Parameter(help="Folder for population.csv, flows.csv, totals.csv and bias.csv.")],
    no_em: Annotated[
        bool,
        Parameter(negative="", help="Take the sd of shared biases as declared, instead of estimating it by kind."),
    ] = False,
    diagnosis: Annotated[
        bool,
        Parameter(negative="", help="Write adjustments.csv (by sex and age) and left_out.csv (without each source)."),
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="Print what was found as one JSON object.")] = False,
) -> int:
    """Reconcile stocks and flows of any origin, by cohort, so that they agree exactly, with 95% intervals."""
    with loading():
        from flows.account_verb import account_of_folder

    return account_of_folder(folder, out, em=not no_em, as_json=json, diagnosis=diagnosis)


@app.command
def revisions(
    runs: Annotated[list[Path], Parameter(help="Folders of finished runs, of different data dates.")],
    *,
    history: Annotated[
        list[Path] | None, Parameter(help="revisions.csv of other countries, which tell of later revisions too.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print all revisions and ranges as one JSON object.")] = False,
    threads: Threads = 2,
) -> int:
    """Show how figures were revised from run to run: by new data, new models and new rules, and what may come."""
    with loading():
        from flows.revisions_verb import revisions_of_runs

    return revisions_of_runs(runs, history=history or (), as_json=json, threads=threads)


@app.command
def replicates(
    run: Annotated[Path, Parameter(help="A finished run folder of a study with alternative sets of links.")],
    *,
    replicates: Annotated[
        int, Parameter(help="How often all that is uncertain is drawn, over all sets of links.")
    ] = 200,
    json: Annotated[bool, Parameter(negative="", help="Print all figures as one JSON object.")] = False,
    out: Annotated[Path | None, Parameter(help="Folder for the table; default: 'replicates' in the run.")] = None,
) -> int:
    """Compare the intervals of a run with those by replicates: links, stays and survey drawn, all computed again."""
    with loading():
        from flows.by_replicates.verb import replicate_run

    return replicate_run(run, replicates, out, as_json=json)
