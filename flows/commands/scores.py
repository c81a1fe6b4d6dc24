"""What is compared with a truth: runs, validations, benchmarks."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.commands.app import app
from flows.loading import loading
from pipeline.errors import UserError


@app.command
def evaluate(
    run: Annotated[Path, Parameter(help="A finished run folder of a synthetic study.")],
    *more: Annotated[Path, Parameter(help="With --write-calibration: further runs, of other training studies.")],
    json: Annotated[bool, Parameter(negative="", help="Print the scores as one JSON object.")] = False,
    write_calibration: Annotated[
        Path | None,
        Parameter(help="Only write what the probabilities of these runs turned out to mean, for other studies."),
    ] = None,
    ablation: Annotated[
        str | None, Parameter(name="--with", help="Score the run as it would be with 'true_links'; changes no table.")
    ] = None,
    person: Annotated[
        str | None,
        Parameter(help="Only print one person's true life and what was decided: a person_id, or true:NUMBER."),
    ] = None,
) -> int:
    """Score a run against the truth of its synthetic study, and add the truth to its report."""
    with loading():
        from flows.evaluate import evaluate_run
        from flows.person import print_person

    if write_calibration is not None:
        if json or ablation is not None or person is not None:
            raise UserError("--write-calibration: writes a file alone. Leave out --json, --with and --person.")
        from flows.calibrate import write_calibration as write

        return write([run, *more], write_calibration)
    if more:
        raise UserError(f"{more[0]}: only --write-calibration takes several runs. Evaluate them one by one.")
    if person is None:
        return evaluate_run(run, as_json=json, ablation=ablation)
    if json or ablation is not None:
        raise UserError("--person: prints one person of the run as it is. Leave out --json and --with.")
    return print_person(run, person)


@app.command
def validate(
    *,
    replicates: Annotated[int, Parameter(help="How many countries, each with a seed of its own.")],
    residents: Annotated[int, Parameter(help="People on the first day of each.")],
    scenario: Annotated[str, Parameter(help="A scenario of Sojourn, or a TOML file of your own.")] = "baseline",
    rule_set: Annotated[
        str | None, Parameter(help="A rule set, by its name or file; default: that of the simulated studies.")
    ] = None,
    calibration: Annotated[
        str | None, Parameter(help="A calibration of its probabilities, by its name or file; default: none.")
    ] = None,
    seed: Annotated[int, Parameter(help="The first seed; the next ones follow.")] = 1001,
    start: Annotated[
        str,
        Parameter(name="--from", help="First stage to compute; stored results of earlier stages are kept in --out."),
    ] = "simulate",
    keep: Annotated[bool, Parameter(negative="", help="Keep the study and the run of every replicate.")] = False,
    ablation: Annotated[
        str | None, Parameter(name="--with", help="Score the runs as they would be with 'true_links'.")
    ] = None,
    out: Annotated[Path, Parameter(help="Folder for scores, figures and page.")] = Path("sojourn-validate"),
    against: Annotated[
        Path | None, Parameter(help="JSON of an earlier validation, which the page sets beside this one.")
    ] = None,
    estimation_only: Annotated[
        bool, Parameter(negative="", help="Repeat estimation alone, around one country, with drawn inputs.")
    ] = False,
    rates: Annotated[
        Path | None, Parameter(help="With --estimation-only: a finished validation with error rates; default: --out.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print all pooled figures as one JSON list.")] = False,
    threads: Annotated[
        int | None, Parameter(help="Replicates at a time, as far as memory allows; default: one a processor.")
    ] = None,
) -> int:
    """Simulate, run and evaluate over many seeds, and pool the scores: bias, error and coverage of every figure."""
    with loading():
        from flows.validate import validate as validate_figures

    return validate_figures(
        replicates, residents, scenario=scenario, rule_set=rule_set, calibration=calibration, first_seed=seed,
        start=start, keep=keep, ablation=ablation, out=out, against=against, threads=threads, as_json=json,
        estimation_only=estimation_only, rates=rates,
    )  # fmt: skip


@app.command
def targets(
    study: Annotated[Path, Parameter(help="A synthetic study: its file, or the folder that contains it.")],
    *,
    json: Annotated[bool, Parameter(negative="", help="Print a list of JSON objects, one per target.")] = False,
    report: Annotated[
        list[Path] | None,
        Parameter(consume_multiple=(0, 1), negative="", help="Write an HTML page; default: beside the study."),
    ] = None,
) -> int:
    """Compare a synthetic study with published figures; print each of them and whether it is met."""
    with loading():
        from flows.targets import report_targets

    return report_targets(study, as_json=json, report=report)


@app.command
def bench(
    name: Annotated[
        str,
        Parameter(
            help="Which: pseudonymise, cluster, account, account_cover, simulate, scale, link, link_files, attack, "
            "review, stays, sweep, hidden_state, prefect, adjustments or nowcast."
        ),
    ],
    *,
    size: Annotated[
        int | None,
        Parameter(
            help="simulate, scale, link, attack, review, sweep, prefect, adjustments, nowcast: residents. cluster, "
            "hidden_state: people. link_files: people of each kind. pseudonymise: rows. stays: crossings. account: "
            "areas."
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        Parameter(negative="", help="link_files: one kind of files; nowcast: one scenario; repeat it for several."),
    ] = None,
    seeds: Annotated[int | None, Parameter(help="link_files: sets of files of each kind, from seed 1001.")] = None,
    replicates: Annotated[
        int | None, Parameter(help="account_cover: simulated accounts of each kind. adjustments, nowcast: countries.")
    ] = None,
    seed: Annotated[
        int | None, Parameter(help="account_cover, adjustments, nowcast: the first seed; the next ones follow.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object.")] = False,
) -> int:
    """Time one part and a plain implementation of the same task, and print the ratio of their speeds.

    For linkage, also print how many people each of them finds.
    """
    with loading():
        from flows.bench import Options, run_bench

    return run_bench(name, Options(size, tuple(kind or ()), seeds, replicates, seed), as_json=json)
