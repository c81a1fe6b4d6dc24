"""What rules decide, and what another rule would."""

from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from flows.commands.app import Threads, app
from flows.loading import loading
from pipeline.errors import UserError


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
    only: Annotated[
        list[str] | None,
        Parameter(negative="", help="One parameter by its id; repeat it for several. Default: all."),
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Folder for sensitivity.csv and sensitivity.html; default: sensitivity/ in RUN.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print net migration as one JSON object.")] = False,
    threads: Threads = 2,
) -> int:
    """Draw how far net migration changes over the declared range of every parameter, beside its interval."""
    with loading():
        from flows.variants.sensitivity import sensitivity_of_run

    return sensitivity_of_run(run, out, only=only or (), counted=counted, as_json=json, threads=threads)


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
