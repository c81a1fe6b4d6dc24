"""The verb `bench`: one part of Sojourn against a plain implementation of the same task, both in one run.

Seconds vary between machines and from minute to minute; the ratios are the result, and for linkage how many people
are found, which does not vary.
"""

import hmac
import json
import logging
import resource
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from hashlib import pbkdf2_hmac, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from flows.progress import NullListener, ProgressListener
from flows.terminal import Terminal
from pipeline.errors import UserError, unknown
from pipeline.keys import PseudonymisationKey
from pipeline.tables import connect

if TYPE_CHECKING:
    from synthetic_data.institutions.view import DeliveredExtract

WARM_UP = 10
"""Rows of each file that the Faker loop makes before timing begins."""
PASSES = 3
"""Passes of the simulator, and of each Faker loop."""
SECRET = b"only for this benchmark, never for data"


@dataclass(frozen=True)
class Measured:
    """What a benchmark found: rows, seconds of Sojourn, peak memory of the process, ratios plain / Sojourn.

    Some have `figures` too, and those of linkage `scores`: one row for each set of files or pair of sources.
    """

    name: str
    rows: int
    seconds: float
    peak_mib: float
    ratios: dict[str, float]
    figures: dict[str, float] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """What a user chose for a benchmark: residents, people, crossings or areas; kinds of files, seeds of each kind.

    `replicates` are simulated accounts or countries, the first of which has the seed `seed`.
    """

    size: int | None = None
    kind: tuple[str, ...] = ()
    seeds: int | None = None
    replicates: int | None = None
    seed: int | None = None


def seconds_of(work: Callable[[], object]) -> float:
    """Return the wall-clock seconds that a piece of work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def best_of_three(work: Callable[[], object]) -> float:
    """Return the fewest seconds of three times a piece of work: the first time loads code and fills caches."""
    return min(seconds_of(work) for _ in range(3))


def pseudonymise(rows: int = 1_000_000) -> tuple[int, float, dict[str, float]]:
    """Tokens of a column with repeated values: distinct values hashed once, against one HMAC per row."""
    from pipeline.ingest.pseudonymise import identifier_tokens, tokens_of_repeated  # noqa: PLC0415 - only this benchmark needs it

    values = pl.Series([f"NAME{number:05d}" for number in np.random.default_rng(1).integers(0, 40_000, rows)])
    ours = best_of_three(lambda: tokens_of_repeated(PseudonymisationKey(SECRET), "name", values))
    with_standard_form = best_of_three(lambda: identifier_tokens(PseudonymisationKey(SECRET), "given_name", values))
    sample = values.head(rows // 10).to_list()
    plain = 10 * seconds_of(lambda: [hmac.digest(SECRET, b"name\x1f" + one.encode(), sha256)[:8] for one in sample])
    in_sql = best_of_three(lambda: _hmac_in_sql(values))
    unique = pl.Series([f"{number:010d}" for number in range(rows // 4)])
    of_unique = best_of_three(lambda: PseudonymisationKey(SECRET).tokens("nhs_number", unique))
    # every iteration is one HMAC of OpenSSL, in C
    openssl = best_of_three(lambda: pbkdf2_hmac("sha256", SECRET, b"salt", len(unique)))
    return rows, ours, {
        "one_hmac_a_row": plain / ours, "one_hmac_a_row_in_sql": in_sql / ours,
        "one_hmac_a_row_in_sql_to_names_put_into_standard_form": in_sql / with_standard_form,
        "openssl_on_unique_numbers": openssl / of_unique,
    }  # fmt: skip


def _hmac_in_sql(values: pl.Series) -> None:
    """Hash every row by HMAC-SHA256 in DuckDB; the key is a parameter, never text of the query."""
    padded = SECRET.ljust(64, b"\0")
    pads = {name: bytes(byte ^ mask for byte in padded) for name, mask in (("inner", 0x36), ("outer", 0x5C))}
    connection = connect(threads=2)
    connection.register("rows", pl.DataFrame({"value": values}))
    connection.execute(
        """SELECT sum(('0x' || substr(sha256($outer::BLOB || unhex(sha256($inner::BLOB || encode('name' || chr(31) ||
        value)))), 1, 16))::UBIGINT::HUGEINT) FROM rows""",
        pads,
    ).fetchall()


def cluster(people: int = 100_000) -> tuple[int, float, dict[str, float]]:
    """People from links of three sources, each with at most one subject of a source, against Splink's components."""
    from splink import DuckDBAPI  # noqa: PLC0415
    from splink.clustering import cluster_pairwise_predictions_at_threshold  # noqa: PLC0415

    from linkage.clusters import cluster as cluster_best_links  # noqa: PLC0415

    logging.getLogger("splink").setLevel(logging.ERROR)
    sources = ["pds", "hesa", "mws"]
    number = np.arange(people)
    stray = np.random.default_rng(1).integers(0, people, (2, people // 20))
    subjects = pl.concat([pl.DataFrame({"source": [one] * people, "subject_id": number}) for one in sources])
    links = pl.concat(
        [
            pl.DataFrame(
                {
                    "source_l": left,
                    "subject_id_l": one,
                    "source_r": right,
                    "subject_id_r": other,
                    "match_weight": weight,
                }
            )
            for left, right, one, other, weight in [
                ("hesa", "pds", number, number, 20.0),
                ("mws", "pds", number, number, 18.0),
                ("hesa", "pds", stray[0], stray[1], 3.0),
            ]
        ]
    )
    ours = seconds_of(lambda: cluster_best_links(subjects, links, sources, rival_margin=0.5))
    named = [pl.concat_str(f"source{side}", pl.lit(":"), f"subject_id{side}") for side in ("", "_l", "_r")]
    nodes = subjects.select(named[0].alias("subject"))
    edges = links.select(named[1].alias("subject_l"), named[2].alias("subject_r"), match_probability=pl.lit(0.99))

    def with_splink() -> None:
        database = DuckDBAPI(connection=connect(threads=2))
        cluster_pairwise_predictions_at_threshold(
            nodes, edges, database, node_id_column_name="subject", threshold_match_probability=0.5
        ).as_pyarrow_table()

    return links.height, ours, {"splink_connected_components": seconds_of(with_splink) / ours}


def simulate(residents: int = 200_000, fakes: int = 250) -> tuple[int, float, dict[str, float]]:
    """Lives and all extracts of a country, against a Faker loop that makes the same number of rows and columns.

    The loop makes `fakes` rows of each file, and its time for the whole file is extrapolated from them. What it needs
    to know about a column is determined beforehand. The truth, which no column of an extract needs, is left out. Both
    run in one process; the fastest of `PASSES` passes counts, since other programs may be using the machine.
    """
    from flows.faker_loop import faker_loop, new_faker  # noqa: PLC0415

    fake = new_faker()
    rows, plain = 0, 0.0
    for extract in _extracts(residents):  # a first pass, untimed, loads and compiles
        for frame in extract.files.values():
            loop = faker_loop(fake, frame.drop("row"))
            loop(WARM_UP)
            plain += frame.height / fakes * min(seconds_of(lambda loop=loop: loop(fakes)) for _ in range(PASSES))
            rows += frame.height
    seconds = min(seconds_of(lambda: deque(_extracts(residents), maxlen=0)) for _ in range(PASSES))
    return rows, seconds, {"faker_loop": plain / seconds}


def scale(residents: int = 100_000, threads: int = 2) -> tuple[int, float, dict[str, float]]:
    """Write a study with its truth and all extracts, and one of ten times the residents, on `threads` threads."""
    from synthetic_data.simulate import simulate as simulate_study  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        simulate_study(500, 1, Path(folder, "first"))  # loads modules, outside the timing
        begun = time.perf_counter()
        result = simulate_study(residents, 1, Path(folder, "one"), threads=threads)
        seconds = time.perf_counter() - begun
        ten = seconds_of(lambda: simulate_study(10 * residents, 1, Path(folder, "ten"), threads=threads))
    return int(result.counts["records"]), seconds, {"ten_times_the_residents": ten / seconds}


def _extracts(residents: int) -> Iterator["DeliveredExtract"]:
    """Yield every extract of a country of `residents` people, each when it is requested."""
    from synthetic_data.delivery.extracts import extracts  # noqa: PLC0415
    from synthetic_data.errors.catalogue import Errors  # noqa: PLC0415
    from synthetic_data.lives.build import live  # noqa: PLC0415

    yield from extracts(live(1, residents), Errors())


Compared = tuple[int, float, dict[str, float], dict[str, float], list[dict[str, Any]]]
"""Rows, seconds of Sojourn, ratios plain / Sojourn, figures, and scores."""


def link(options: Options, listener: ProgressListener) -> Compared:
    """Compare the stage `link` on a country of hard links with Splink: on values in clear, and on the same tokens."""
    from flows.bench_link import compare_links  # noqa: PLC0415 - it loads much

    return compare_links(options.size, listener)


def link_files(options: Options, listener: ProgressListener) -> Compared:
    """Compare Sojourn with Splink in clear on files of several kinds, spoilt and cut down."""
    from flows.bench_link_files import compare_link_files  # noqa: PLC0415 - it loads much

    seeds = 1 if options.seeds is None else options.seeds
    return compare_link_files(options.size, options.kind, seeds, listener)


def attack(options: Options, listener: ProgressListener) -> Compared:
    """Recover names and dates of birth from tokens, without the key and with it; say what each column is worth."""
    from flows.bench_attack import RESIDENTS  # noqa: PLC0415 - it loads much
    from flows.bench_attack import attack as attack_tokens  # noqa: PLC0415
    from flows.bench_columns import worth_of_columns  # noqa: PLC0415

    begun = time.perf_counter()
    records, figures, by_column = attack_tokens(options.size, listener)
    worth = worth_of_columns(options.size or RESIDENTS, listener)
    return records, time.perf_counter() - begun, {}, figures, [*by_column, *worth]


def review(options: Options, listener: ProgressListener) -> Compared:
    """Review the links of a country many times over, by reviewers who err, and compare with the truth."""
    from flows.bench_review import review_links  # noqa: PLC0415 - it loads much

    begun = time.perf_counter()
    reviews, figures, by_source = review_links(options.size, listener)
    return reviews, time.perf_counter() - begun, {}, figures, by_source


def account(options: Options, listener: ProgressListener) -> Compared:
    """Solve the account of one area and of many, and one area as one dense system."""
    from flows.bench_account import time_accounts  # noqa: PLC0415 - only this benchmark needs it

    return (*time_accounts(options.size, listener), [])


def account_cover(options: Options, listener: ProgressListener) -> Compared:
    """Estimate simulated accounts with known truth: errors, coverage of intervals, and which source is broken."""
    from flows.bench_account_cover import cover  # noqa: PLC0415 - only this benchmark needs it

    begun = time.perf_counter()
    replicates, figures = cover(options.replicates, options.seed, listener)
    return replicates, time.perf_counter() - begun, {}, figures, []


def stays(options: Options, listener: ProgressListener) -> Compared:
    """Classify a file of sorted crossings and write it, against reading and writing, and a plain Python loop."""
    from flows.bench_stays import compare_stays  # noqa: PLC0415 - only this benchmark needs it

    return (*compare_stays(options.size, listener), [])


def sweep(options: Options, listener: ProgressListener) -> Compared:
    """Vary rules fifty times, against one evaluation and against one read and fifty passes of the kernel."""
    from flows.bench_sweep import compare_sweeps  # noqa: PLC0415 - only this benchmark needs it

    return (*compare_sweeps(options.size, listener), [])


def hidden_state(options: Options, listener: ProgressListener) -> Compared:
    """Fit presence as a hidden state to a million drawn lives, against a plain loop over people."""
    from flows.bench_hidden_state import compare_hidden_state  # noqa: PLC0415 - only this benchmark needs it

    return (*compare_hidden_state(options.size, listener), [])


def adjustments(options: Options, listener: ProgressListener) -> Compared:
    """Correct a simulated passenger survey as that of the United Kingdom was corrected in 2019."""
    from flows import bench_adjustments as ours  # noqa: PLC0415 - only this benchmark needs it

    replicates, size = options.replicates or ours.REPLICATES, options.size or ours.RESIDENTS
    seed = ours.FIRST_SEED if options.seed is None else options.seed
    begun = time.perf_counter()
    rows, figures, scores = ours.adjust_surveys(replicates, size, seed, listener)
    return rows, time.perf_counter() - begun, {}, figures, scores


def nowcast(options: Options, listener: ProgressListener) -> Compared:
    """Estimate countries on four data dates: first estimates against last year's ratio."""
    from flows.bench_nowcast import revise  # noqa: PLC0415 - it loads much

    begun = time.perf_counter()
    rows, figures, scores = revise(options.size, options.kind, options.replicates, options.seed, listener)
    return rows, time.perf_counter() - begun, {}, figures, scores


def prefect(options: Options, listener: ProgressListener) -> Compared:
    """Run a study under a standing Prefect server and without Prefect, in turn."""
    from flows.bench_prefect import compare_prefect  # noqa: PLC0415 - only this benchmark needs it

    return (*compare_prefect(options.size, listener), [])


BENCHMARKS: dict[str, Callable[..., tuple[int, float, dict[str, float]]]] = {
    "pseudonymise": pseudonymise,
    "cluster": cluster,
    "simulate": simulate,
    "scale": scale,
}
BENCHMARKS_WITH_FIGURES = {
    "account": account, "account_cover": account_cover, "link": link, "link_files": link_files, "attack": attack,
    "review": review, "stays": stays, "sweep": sweep, "hidden_state": hidden_state,
    "prefect": prefect, "adjustments": adjustments, "nowcast": nowcast,
}  # fmt: skip
TAKES = {
    **dict.fromkeys(BENCHMARKS, ("size",)),
    "account": ("size",), "account_cover": ("replicates", "seed"), "link": ("size",),
    "link_files": ("size", "kind", "seeds"), "attack": ("size",), "review": ("size",),
    "stays": ("size",), "sweep": ("size",), "hidden_state": ("size",), "prefect": ("size",),
    "adjustments": ("size", "replicates", "seed"), "nowcast": ("size", "kind", "replicates", "seed"),
}  # fmt: skip
"""The options that a benchmark takes."""


def measure(name: str, options: Options = Options(), listener: ProgressListener | None = None) -> Measured:
    """Return what the benchmark of that name finds; raises `UserError` for an unknown name and for a wrong option."""
    if name not in BENCHMARKS | BENCHMARKS_WITH_FIGURES:
        raise unknown("benchmark", name, BENCHMARKS | BENCHMARKS_WITH_FIGURES, "sojourn bench")
    for option, value in asdict(options).items():
        if value not in (None, ()) and option not in TAKES.get(name, ()):
            raise UserError(f"sojourn bench {name}: takes no --{option}. Leave it out.")
    if name in BENCHMARKS:
        rows, seconds, ratios = BENCHMARKS[name](*(() if options.size is None else (options.size,)))
        figures, scores = {}, []
    else:
        rows, seconds, ratios, figures, scores = BENCHMARKS_WITH_FIGURES[name](options, listener or NullListener())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rounded = {plain: round(ratio, 2) for plain, ratio in ratios.items()}
    return Measured(name, rows, round(seconds, 4), round(peak, 1), rounded, figures, scores)


def run_bench(name: str, options: Options, *, as_json: bool) -> int:
    """Run one benchmark, print what it found, and return the exit status."""
    terminal = Terminal()
    found = measure(name, options, NullListener() if as_json else terminal)
    terminal.close()
    if as_json:
        print(json.dumps(asdict(found)))  # noqa: T201 - the requested output
        return 0
    print(f"{found.name}: {found.rows:,} rows in {found.seconds:.3f} s, peak {found.peak_mib:,.0f} MiB")  # noqa: T201
    for plain, ratio in found.ratios.items():
        print(f"  {ratio:,.1f} times as fast as {plain.replace('_', ' ')}")  # noqa: T201
    for row in found.scores:
        print("  " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items()))  # noqa: T201
    for figure, value in found.figures.items():
        print(f"  {figure.replace('_', ' ')}: {value:,}")  # noqa: T201
    return 0
