"""Links, and the people who are found by them."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.commands.app import Threads, app
from flows.loading import loading
from pipeline.errors import UserError


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
    together: Annotated[
        bool, Parameter(negative="", help="Tell most of all of them together, and less of each source.")
    ] = False,
) -> int:
    """List people whom reviewers should look for in another source, so that errors of links can be estimated."""
    with loading():
        from flows.review import review as review_links
        from flows.review import review_again

    if again == (sample is not None):
        raise UserError("sojourn review: draws people by --sample N, or lists second looks by --again. Choose one.")
    if sample is None:
        if searched is not None or of or together:
            raise UserError(
                "--again: lists people of the sample that the study names. Leave out --in, --of and --together."
            )
        return review_again(run, out)
    return review_links(run, sample, out, searched=searched, of=tuple(of or ()), together=together)


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
