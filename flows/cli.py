"""The `sojourn` command: one verb, one function that reads like a table of contents."""

import atexit
import errno
import os
import re
import signal
import sys
import traceback
from datetime import UTC, date, datetime
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Parameter

from flows.faults import described
from flows.loading import loading
from pipeline.errors import UserError
from pipeline.shortages import fills_disk, lacks_memory, loses_file

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
# Errors of the disk that only the user can correct: a folder that cannot be written to, or no space left.
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT}

STOPPED_BY: list[int] = []
"""The signal that stopped the command, by Ctrl-C or SIGTERM: libraries can turn it into an error of their own."""


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


@app.command
def link(
    study: Annotated[Path, Parameter(help="The study file (TOML), or the folder that contains it.")],
    *,
    out: Annotated[Path, Parameter(help="Folder for links.parquet, clusters.parquet and quality.csv.")],
    models: Annotated[
        Path | None, Parameter(help="Folder of models that `sojourn train` wrote; default: they are trained here.")
    ] = None,
    explain: Annotated[
        tuple[str, str] | None,
        Parameter(help="Two subjects, each SOURCE:SUBJECT: print why they are one person or not, and write nothing."),
    ] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="With --explain: print the explanation as JSON.")
    ] = False,
    threads: Threads = 2,
) -> int:
    """Link a study's files, of any kind, and write who is who: no rules, no estimates."""
    with loading():
        from flows.link_files import explain_pair, link_files

    if explain is not None:
        return explain_pair(study, out, models, explain, threads=threads, as_json=as_json)
    if as_json:
        raise UserError(
            "--json: prints the explanation of a pair, and none is asked for. Add --explain, or leave it out."
        )
    return link_files(study, out, models, threads=threads)


@app.command
def rekey(
    run: Annotated[Path, Parameter(help="Folder of a finished run.")],
    *,
    key_file: Annotated[Path, Parameter(help="File of the second recipient's key.")],
    out: Annotated[Path, Parameter(help="A new folder for the tokens and records under that key.")],
) -> int:
    """Give a run's pseudonyms another key, for a second recipient: no clear data, no token of the first."""
    with loading():
        from flows.rekey import rekey_run

    return rekey_run(run, key_file, out)


@app.command
def review(
    run: Annotated[Path, Parameter(help="Folder of a finished run.")],
    *,
    out: Annotated[Path, Parameter(help="A new CSV file for the reviewers: decision, file, row_number.")],
    sample: Annotated[int | None, Parameter(help="How many people to draw.")] = None,
    again: Annotated[
        bool, Parameter(negative="", help="Instead: list verdicts of the run that need a second look.")
    ] = False,
    searched: Annotated[
        str | None, Parameter(name="--in", help="The source in which people are looked for; default: the spine.")
    ] = None,
    of: Annotated[
        list[str] | None,
        Parameter(negative="", help="A source of which people are drawn; repeatable; default: all linked with it."),
    ] = None,
) -> int:
    """List people whom reviewers should look for in another source, so that errors of links can be estimated."""
    with loading():
        from flows.review import review as review_links
        from flows.review import review_again

    if again == (sample is not None):
        raise UserError("sojourn review: draws people by --sample N, or lists second looks by --again. Choose one.")
    if sample is None:
        if searched is not None or of:
            raise UserError("--again: lists people of the sample that the study names. Leave out --in and --of.")
        return review_again(run, out)
    return review_links(run, sample, out, searched=searched, of=tuple(of or ()))


@app.command
def simulate_review(
    run: Annotated[Path, Parameter(help="Folder of a finished run of a synthetic study.")],
    asked: Annotated[Path, Parameter(help="The list that `sojourn review` wrote.")],
    *,
    out: Annotated[Path, Parameter(help="A new CSV file for the verdicts.")],
    wrong: Annotated[float, Parameter(help="The share of verdicts that are wrong.")] = 0.01,
    number: Annotated[int, Parameter(name="--review", help="1, or 2 for a second look, and so on.")] = 1,
    searched: Annotated[
        str | None, Parameter(name="--in", help="The source in which people are looked for; default: the spine.")
    ] = None,
) -> int:
    """Answer a list of `sojourn review` from the truth of a synthetic study, as reviewers who err at times would."""
    with loading():
        from flows.simulate_review import answer_review

    return answer_review(run, asked, out, wrong=wrong, review=number, searched=searched)


@app.command
def train(
    study: Annotated[Path, Parameter(help="The study file (TOML), or the folder that contains it.")],
    *,
    out: Annotated[Path, Parameter(help="Folder for the models, one JSON file a pair of sources.")],
    threads: Threads = 2,
) -> int:
    """Train the models that link a study's files, for `sojourn link --models` on files to come."""
    with loading():
        from flows.link_files import train_models

    return train_models(study, out, threads=threads)


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
def sweep(
    run: Annotated[Path, Parameter(help="Folder of a finished run; or a file of border crossings.")],
    *,
    settings: Annotated[
        list[str] | None,
        Parameter(
            name="--set",
            negative="",
            help="A parameter of the run's rules and its values: rule.parameter=9..15, =30..360:30 or =9,12,18; "
            "repeatable. For crossings: threshold and window.",
        ),
    ] = None,
    counted: Annotated[
        bool, Parameter(negative="", help="Figures as counted, before coverage and the account: much faster.")
    ] = False,
    observed_to: Annotated[
        date | None, Parameter(help="For crossings: last day (YYYY-MM-DD) on which they were observed.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Folder for sweep.csv and sweep.html; default: sweep/ in RUN.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print all figures as one JSON object.")] = False,
    threads: Threads = 2,
) -> int:
    """Estimate a run again for every combination of values of some parameters, on the same people."""
    with loading():
        from flows.variants.crossings import sweep_crossings
        from flows.variants.sweep import sweep_run

    if run.is_file():
        if counted:
            raise UserError("--counted: is for runs; what is counted of crossings has no coverage. Leave it out.")
        return sweep_crossings(run, settings or [], out, observed_to, as_json=json)
    if observed_to is not None:
        raise UserError("--observed-to: is for files of crossings; a run knows its data date. Leave it out.")
    return sweep_run(run, settings or [], out, counted=counted, as_json=json, threads=threads)


@app.command
def sensitivity(
    run: Annotated[Path, Parameter(help="Folder of a finished run.")],
    *,
    counted: Annotated[
        bool, Parameter(negative="", help="Figures as counted, before coverage and the account: much faster.")
    ] = False,
    out: Annotated[
        Path | None, Parameter(help="Folder for sensitivity.csv and sensitivity.html; default: sensitivity/ in RUN.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print net migration as one JSON object.")] = False,
    threads: Threads = 2,
) -> int:
    """Draw how far net migration changes over the declared range of every parameter, beside its interval."""
    with loading():
        from flows.variants.sensitivity import sensitivity_of_run

    return sensitivity_of_run(run, out, counted=counted, as_json=json, threads=threads)


@app.command
def diff(
    run_a: Annotated[Path, Parameter(help="Folder of a finished run.")],
    run_b: Annotated[Path, Parameter(help="Folder of a run of the same files by other rules.")],
    *,
    counted: Annotated[
        bool, Parameter(negative="", help="Figures as counted, before coverage and the account: much faster.")
    ] = False,
    out: Annotated[
        Path | None, Parameter(help="Folder for diff.csv and transitions.csv; default: diff/ in the second run.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print all of it as one JSON object.")] = False,
    threads: Threads = 2,
) -> int:
    """Compare two runs by other rules: who moved between classes, and which parameter changed figures how far."""
    with loading():
        from flows.variants.difference import diff_runs

    return diff_runs(run_a, run_b, out, counted=counted, as_json=json, threads=threads)


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
def explain(
    run: Annotated[Path, Parameter(help="A finished run folder.")],
    person: Annotated[str, Parameter(help="A person_id of the run, or a record of the person as SOURCE:SUBJECT.")],
    *,
    json: Annotated[bool, Parameter(negative="", help="Print the explanation as JSON.")] = False,
    html: Annotated[Path | None, Parameter(help="Write the explanation as a page into this file.")] = None,
    levels: Annotated[
        bool, Parameter(negative="", help="Link the study again, in memory, to explain every link level by level.")
    ] = False,
    threads: Threads = 2,
) -> int:
    """Explain what was decided about one person: timeline, margins, links, and what would change it."""
    with loading():
        from flows.explain_person import explain_run

    return explain_run(run, person, as_json=json, html=html, levels=levels, threads=threads)


@app.command
def validate(
    *,
    replicates: Annotated[int, Parameter(help="How many countries, each with a seed of its own.")],
    residents: Annotated[int, Parameter(help="People on the first day of each.")],
    scenario: Annotated[str, Parameter(help="A scenario of Sojourn, or a TOML file of your own.")] = "baseline",
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
        replicates, residents, scenario=scenario, first_seed=seed, start=start, keep=keep, ablation=ablation, out=out,
        against=against, threads=threads, as_json=json, estimation_only=estimation_only, rates=rates,
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
def stays(
    crossings: Annotated[
        Path, Parameter(help="CSV or Parquet with person_id, date, is_arrival and initial_resident, in order.")
    ],
    *,
    threshold: Annotated[int, Parameter(help="Days of the window in (or, to emigrate, out of) the country.")] = 365,
    window: Annotated[int, Parameter(help="Days after a crossing that are looked at.")] = 487,
    observed_to: Annotated[date, Parameter(help="The last day (YYYY-MM-DD) on which crossings were observed.")],
    out: Annotated[Path, Parameter(help="CSV or Parquet file of the same rows with their classification.")],
) -> int:
    """Classify border crossings by days in a window: which are migrations, and who is a resident."""
    with loading():
        from flows.classify_stays import classify_stays

    return classify_stays(crossings, out, threshold, window, observed_to)


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


@app.command
def account(
    folder: Annotated[Path, Parameter(name="DIR", help="Folder of stocks, flows, their errors and shared biases.")],
    *,
    out: Annotated[Path, Parameter(help="Folder for population.csv, flows.csv, totals.csv and bias.csv.")],
    no_em: Annotated[
        bool,
        Parameter(negative="", help="Take the sd of shared biases as declared, instead of estimating it by kind."),
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="Print what was found as one JSON object.")] = False,
) -> int:
    """Reconcile stocks and flows of any origin, by cohort, so that they agree exactly, with 95% intervals."""
    with loading():
        from flows.account_verb import account_of_folder

    return account_of_folder(folder, out, em=not no_em, as_json=json)


@app.command
def dictionary() -> int:
    """Print the data dictionary, made from the source contracts and the schema classes, as Markdown."""
    from pipeline.ingest.contracts import read_contracts
    from pipeline.ingest.dictionary import data_dictionary

    print(data_dictionary(read_contracts()), end="")
    return 0


@app.command
def assumptions(
    *, as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print a list of JSON objects.")] = False
) -> int:
    """Print every number that rules, linkage and estimation declare, with its source and what it moves."""
    with loading():
        from flows.assumptions import print_assumptions

    return print_assumptions(as_json=as_json)


RuleSetName = Annotated[str, Parameter(help="A rule set of Sojourn by its name, or the path of a TOML file.")]
ItsStudy = Annotated[Path | None, Parameter(help="The study whose own contracts the rules are about.")]

rules = App(name="rules", help="Show a rule set in words, count whom it decides, check it, or test it on own cases.")
app.command(rules)


@rules.command(name="show")
def rules_show(
    rule_set: RuleSetName = "long_term_2019",
    *,
    study: ItsStudy = None,
    run: Annotated[
        Path | None, Parameter(help="A run: show its rules, with the people whom each of them decided.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the parameters as a list of JSON objects.")] = False,
) -> int:
    """Print every rule in words, with its parameters, the dates from which they hold, and the sources of both."""
    with loading():
        from flows.rules_verb import show_rules

    print("\n".join(show_rules(rule_set, study=study, run=run, as_json=json)))
    return 0


@rules.command(name="count")
def rules_count(*runs: Annotated[Path, Parameter(help="Runs by the same rules.", negative="")]) -> int:
    """Print how many people every rule and branch decided in some runs together, the fewest first."""
    with loading():
        from flows.rules_verb import count_rules

    print("\n".join(count_rules(runs)))
    return 0


@rules.command(name="check")
def rules_check(rule_set: RuleSetName = "long_term_2019", *, study: ItsStudy = None) -> int:
    """Check a rule set: every name and type, then rules that are unreachable, overlap or are not described."""
    with loading():
        from flows.rules_verb import check_rules

    status, lines = check_rules(rule_set, study=study)
    print("\n".join(lines))
    return status


@rules.command(name="test")
def rules_test(
    rule_set: RuleSetName = "long_term_2019",
    *,
    cases: Annotated[
        list[Path] | None,
        Parameter(negative="", help="A TOML file of cases; repeat it for several. Default: those of the set."),
    ] = None,
    study: ItsStudy = None,
    markdown: Annotated[bool, Parameter(negative="", help="Print the cases as a page, if all are right.")] = False,
) -> int:
    """Test a rule set on people drawn as timelines, each with the stays, migrations and residence expected."""
    with loading():
        from flows.rules_verb import test_rules

    status, lines = test_rules(rule_set, cases or (), study=study, markdown=markdown)
    print("\n".join(lines))
    return status


@app.command
def bench(
    name: Annotated[
        str,
        Parameter(
            help="Which: pseudonymise, cluster, account, account_cover, simulate, scale, link, link_files, attack, "
            "review, stays, sweep, prefect or adjustments."
        ),
    ],
    *,
    size: Annotated[
        int | None,
        Parameter(
            help="link, attack, review, sweep, prefect, adjustments: residents. link_files: people of each kind. "
            "stays: crossings. account: areas."
        ),
    ] = None,
    kind: Annotated[
        list[str] | None, Parameter(negative="", help="link_files: one kind of files; repeat it for several.")
    ] = None,
    seeds: Annotated[int | None, Parameter(help="link_files: sets of files of each kind, from seed 1001.")] = None,
    replicates: Annotated[
        int | None, Parameter(help="account_cover: simulated accounts of each kind. adjustments: countries.")
    ] = None,
    seed: Annotated[
        int | None, Parameter(help="account_cover, adjustments: the first seed; the next ones follow.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object.")] = False,
) -> int:
    """Time one part and a plain implementation of the same task, and print the ratio of their speeds.

    For linkage, also print how many people each of them finds.
    """
    with loading():
        from flows.bench import Options, run_bench

    return run_bench(name, Options(size, tuple(kind or ()), seeds, replicates, seed), as_json=json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; exits with 0 on success, 2 on a user's mistake (one paragraph), 1 on a program fault."""
    from cyclopts import CycloptsError

    within_other_work = "prefect" in sys.modules
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal shows other signs by their numbers
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # ignored in a job in the background
        signal.signal(signal.SIGINT, _stop)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)
    try:
        status = app(arguments)
        sys.stdout.flush()
    except UserError as error:
        print(f"sojourn: {error}", file=sys.stderr)
        status = 2
    except CycloptsError:
        status = 2
    except BrokenPipeError:
        # the reader of the output (such as `head`) has closed it
        _discard_output()
        status = 1
    except SystemExit:
        raise
    except BaseException as error:  # a panic of Polars is no Exception
        if STOPPED_BY or isinstance(error, KeyboardInterrupt):
            print("sojourn: stopped. Run the same command again: finished stages are kept.", file=sys.stderr)
            status = 128 + (STOPPED_BY or [signal.SIGINT])[0]
        elif cause := _cause_outside(error):
            print(f"sojourn: {cause}", file=sys.stderr)
            _discard_output()
            status = 2
        else:
            _report_fault(error)
            status = 1
    _leave(status or 0, ends_process=not within_other_work)


def _stop(number: int, _: object) -> NoReturn:
    STOPPED_BY.append(number)
    raise KeyboardInterrupt


def _cause_outside(error: BaseException) -> str | None:
    """Return the sentence for an error of the machine that only the user can correct, else None."""
    if lacks_memory(error):
        return (
            "too little memory. Close other programs, or use a machine that has more or, if it has several "
            "processors, --threads 1; then run the same command again: finished stages are kept."
        )
    number = error.errno if isinstance(error, OSError) else errno.ENOSPC if fills_disk(error) else None
    if number in UNWRITABLE:
        # some libraries name no file, and standard output has none
        where = getattr(error, "filename", None) or "what is written or printed"
        return (
            f"{where}: {os.strerror(number)}. "
            "Use --out to choose a folder that you may write to, on a disk with free space."
        )
    if loses_file(error):
        where = getattr(error, "filename", None) or "a file that is read or written"
        return (
            f"{where}: was removed, or its disk was disconnected, while Sojourn used it. Bring it back, then run the "
            "same command again: finished stages are kept."
        )
    # Python reads a byte that has no meaning in the terminal's encoding as one of these signs; no library takes them
    if re.search("[\udc80-\udcff]", " ".join([*sys.argv, str(error)])):
        return (
            "the name of a file or folder is not UTF-8, or this terminal does not use UTF-8. "
            "Rename it, or set LC_ALL=C.UTF-8."
        )
    return None


def _discard_output() -> None:
    """Discard further output: flushing what is left would raise the same error again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_fault(error: BaseException) -> None:
    """Report that the program failed, and where.

    A traceback can quote a value of a row, so it is shown only on request and never written to a run folder.
    """
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    print(
        f"sojourn: a fault of the program, not a mistake of yours: {described(error)} ({stamp}). "
        "Set SOJOURN_TRACEBACK=1 and run again to see the traceback; it may quote values of your data.",
        file=sys.stderr,
    )
    if os.environ.get("SOJOURN_TRACEBACK") == "1":
        traceback.print_exception(error)


def _leave(status: int, *, ends_process: bool) -> NoReturn:
    """End the process; with Prefect, whose threads outlive the interpreter's tear-down, without that tear-down.

    During it, DuckDB's binding would print a page of memory leaks that no user can act on. A process that had loaded
    Prefect before the command began has other work, and goes on with it.
    """
    if "prefect" in sys.modules and ends_process:
        atexit._run_exitfuncs()  # stops Prefect's temporary server
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status)
