"""A study, from its files to a finished run."""

from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.commands.app import Threads, app
from flows.loading import loading
from pipeline.errors import UserError


@app.command
def demo(
    *,
    residents: Annotated[int, Parameter(help="People who live in the synthetic country.")] = 50_000,
    seed: Annotated[int, Parameter(help="Another seed makes another country.")] = 42,
    out: Annotated[Path, Parameter(help="Folder for study/ and run/.")] = Path("sojourn-demo"),
    threads: Threads = 2,
) -> int:
    """Simulate a country, estimate its migration from extract files, and score the result against the truth."""
    with loading():
        from flows.demo import run_demo

    return run_demo(residents=residents, seed=seed, out=out, threads=threads)


@app.command
def simulate(
    *,
    residents: Annotated[int, Parameter(help="People on the first day, 1,000 to 10,000,000.")],
    seed: Annotated[int, Parameter(help="Another seed makes another country.")],
    out: Annotated[Path, Parameter(help="Folder of the study: study.toml, extracts/, truth/.")],
    scenario: Annotated[str, Parameter(help="A scenario of Sojourn, or a TOML file of your own.")] = "baseline",
    errors: Annotated[str | None, Parameter(help="TOML file of other errors, or 'none': perfect sources.")] = None,
    data_date: Annotated[
        date | None,
        Parameter(help="Day (YYYY-MM-DD) on which extracts are cut, 2017-12-31 to 2020-12-31; default: 2019-12-31."),
    ] = None,
    region: Annotated[
        list[str] | None,
        Parameter(negative="", help="Only people who first live there: a code or a name; repeatable."),
    ] = None,
    snapshots: Annotated[
        int | None, Parameter(help="How many of the last PR snapshots to write; default: all taken by the data date.")
    ] = None,
    deliveries: Annotated[
        str | None,
        Parameter(help="Data dates (2018-12-31,2019-03-31): a study for each, in deliveries/DATE/, of one country."),
    ] = None,
    parquet: Annotated[bool, Parameter(negative="", help="Write every extract as a Parquet file.")] = False,
    threads: Threads = 2,
) -> int:
    """Write a synthetic study: extract files as sources deliver them, a study file, and, separately, the truth."""
    with loading():
        from flows.simulate import delivery_days, simulate_study
        from flows.terminal import Terminal, typed

    terminal = Terminal()
    simulate_study(
        residents, seed, out, terminal, scenario=scenario, errors=errors, data_date=data_date,
        regions=tuple(region or ()), snapshots=snapshots, parquet=parquet, threads=threads,
        deliveries=delivery_days(deliveries) if deliveries is not None else (),
    )  # fmt: skip
    study = typed(out / "study.toml")
    terminal.print_line(f"  study    {study}")
    terminal.print_line(f"  next     sojourn run {study}")
    return 0


@app.command
def run(
    study: Annotated[Path, Parameter(help="The study file (TOML), or the folder that contains it.")],
    *,
    out: Annotated[Path | None, Parameter(help="The run folder; default: run/ beside the study.")] = None,
    live: Annotated[
        Path | None,
        Parameter(help="Folder of live runs: write a run of its own there, and make it the live one if it is sound."),
    ] = None,
    prefect: Annotated[bool, Parameter(negative="", help="Run the same stages as a Prefect flow.")] = False,
    threads: Threads = 2,
) -> int:
    """Run the whole chain on a study's extract files; what is unchanged is not computed again."""
    with loading():
        from flows.run import run_study

    return run_study(study, out, prefect=prefect, threads=threads, live=live)


@app.command
def receive(
    study: Annotated[Path, Parameter(help="The study whose contracts the delivery must fit, or its folder.")],
    folder: Annotated[Path, Parameter(help="Folder of the delivery: with a study file of its own, or files alone.")],
    *,
    against: Annotated[
        Path | None, Parameter(help="Folder of the delivery before; without it, only the delivery itself is checked.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print the faults as a JSON list.")] = False,
    threads: Threads = 2,
) -> int:
    """Check a delivery against its contracts and the delivery before: 0 if nothing is wrong, else 1."""
    with loading():
        from flows.receive import receive_delivery

    return receive_delivery(study, folder, against, as_json=as_json, threads=threads)


@app.command
def plan(
    study: Annotated[Path | None, Parameter(help="The study file (TOML), or the folder that contains it.")] = None,
    *,
    out: Annotated[Path | None, Parameter(help="The run folder; default: run/ beside the study.")] = None,
    calibrate: Annotated[
        bool, Parameter(negative="", help="Instead: measure this machine, for the plans of all studies.")
    ] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print it as one JSON object.")] = False,
) -> int:
    """Say what `sojourn run` would compute again and why, how much of what, and how long; compute nothing."""
    with loading():
        from flows.plan.plan import calibrate_machine, print_plan

    if calibrate:
        if study is not None or out is not None or as_json:
            raise UserError("--calibrate: measures this machine, for all studies. Leave out the study and the rest.")
        return calibrate_machine()
    if study is None:
        raise UserError("sojourn plan: name a study, or measure this machine by --calibrate.")
    return print_plan(study, out, as_json=as_json)


@app.command
def serve(
    study: Annotated[Path | None, Parameter(help="The study whose deliveries are estimated on a schedule.")] = None,
    *,
    live: Annotated[
        Path | None, Parameter(help="Folder of live runs: scheduled runs are written there, and go live if sound.")
    ] = None,
    port: Annotated[int, Parameter(help="Of the server, on this machine alone; 0: any that is free.")] = 4200,
    folder: Annotated[Path, Parameter(help="Folder of the server: its database and its logs.")] = Path(
        "sojourn-serve"
    ),
) -> int:
    """Start a Prefect server and a worker with the flows of Sojourn, and print their address; Ctrl-C stops both."""
    with loading():
        from flows.serve import serve as serve_flows

    return serve_flows(study, folder, port, live)
