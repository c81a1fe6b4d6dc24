"""The stage `link`: which subjects of which sources are one person, and how good those links are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from linkage.blocking import Candidates, propose
from linkage.clusters import cluster
from linkage.compare import Compared, by_source_pair, compare
from linkage.explain import Explained
from linkage.held_out import HeldOut, held_out_nodes, ruled_out, split
from linkage.identifiers import LINKS, PAIR, check_identifiers, find_mothers, link_by_identifiers
from linkage.joined_pairs import edges_of
from linkage.known_people import known_people, sources_of
from linkage.link_counts import LinkCounts, count_links
from linkage.match_keys import link_by_keys, read_match_keys
from linkage.measure import LinkedSubjects, Measured, measure
from linkage.model import PairModel, model_levels, model_of_file
from linkage.model_name import model_name
from linkage.namesakes import supposed_frequency
from linkage.plan import ATTRIBUTES, ENOUGH, SURVEY, required_extracts
from linkage.posterior import Scope
from linkage.quality import link_weights, mark_accepted
from linkage.scoring import Scored, score
from linkage.stages import LinkStudy
from linkage.stored_people import StoredPeople, keys_of_people, named_as_before, renumbered
from linkage.subjects import Subjects
from linkage.subjects_in_scope import subjects_in_scope
from linkage.training import stated_weights, train_models
from linkage.u_probabilities import count_levels
from pipeline.ingest.accepted_rows import check_accepted_rows
from pipeline.ingest.ledger import counted
from pipeline.ingest.pseudonymise import direct_identifier_kinds
from pipeline.schemas import TABLES, LinkageQuality, LinkErrors, PossiblyOne, ReviewOfLinks, save
from pipeline.stage import StageContext, StageResult
from pipeline.tables import read_table, write_table

NO_DRAWS = pl.DataFrame(schema={"draw": pl.Int32, "source": pl.String, "subject_id": pl.Int64, "person_id": pl.Int64})
PAIRS_PER_SUBJECT = 2
"""Random pairs that are sampled for u, for each subject of two sources."""


def link(context: StageContext[LinkStudy]) -> StageResult:
    """Link all subjects of the study and write links, clusters, mothers, models and the quality of links."""
    study = context.study
    required = required_extracts(study.plan, study.contracts)
    check_accepted_rows(context.folders["ingest"], required, study.study_file)
    if not study.plan.sources:
        return _write_nothing(context.out)
    linking = Linking(study, context.folders["ingest"], context.threads, context.report)
    linking.link_by_identifiers()
    linking.link_by_keys()
    linking.link_by_models()
    return _write(linking, context.out)


def _write_nothing(out: Path) -> StageResult:
    """Write the tables of a study whose sources are never linked."""
    for name in ("links", "clusters", "mothers", "linkage_quality", "link_errors", "possibly_one", "review_of_links"):
        save(TABLES[name].create_empty(), name, out)
    write_table(model_levels([]), out / "model_levels.parquet")
    empty = TABLES["links"].create_empty().with_columns(accepted=pl.lit(value=True))
    write_table(link_weights(empty), out / "link_weights.parquet")
    counts = {"subjects": 0, "people": 0, "links": 0, "levels_by_default": 0}
    return StageResult(counts=counts, sentence="no source of the study is linked")


class Linking:
    """The links of a study, added step by step; `report` is told in a few words what is being done.

    With `keeps_scores` all that explains a pair (`explained`) is kept in memory.
    """

    def __init__(
        self,
        study: LinkStudy,
        ingest: Path,
        threads: int,
        report: Callable[[str], None],
        *,
        keeps_scores: bool = False,
    ) -> None:
        self.study, self.plan, self.settings = study, study.plan, study.linkage
        self.ingest = ingest
        self.report = report
        self.warnings: list[str] = []
        self.steps: list[pl.DataFrame] = [pl.DataFrame(schema=LINKS)]
        self.models: list[PairModel] = []
        self.unique: list[str] = []
        self.candidates: Candidates | None = None
        self.compared_pairs = 0
        self.certain_sources = np.zeros(0, dtype=np.uint64)
        self.counts: dict[tuple[int, int], tuple[LinkCounts, float]] = {}
        self.held_out: dict[tuple[int, int], HeldOut] = {}
        self.explained: Explained | None = None
        self.keeps_scores = keeps_scores
        report("subjects")
        self.identified = {
            source: subjects_in_scope(
                ingest, source, study.survey_date, ["subject_id", *direct_identifier_kinds(study.contracts[source])]
            )
            for source in self.plan.sources
        }
        for source, frame in self.identified.items():
            if frame.is_empty() and source != SURVEY:
                extracts = dict.fromkeys(study.contracts[source].extracts, f"'{source}' is to be linked")
                check_accepted_rows(ingest, extracts, study.study_file)
        named = [kind for frame in self.identified.values() for kind in frame.columns if kind != "subject_id"]
        # a kind that one source alone has links nobody
        of_duplicates = {kind for one in self.plan.duplicates for kind in self.identified[one].columns[1:]}
        self.direct = sorted({kind for kind in named if named.count(kind) > 1 or kind in of_duplicates})
        self.subjects = Subjects(
            {source: ingest / "tokens" / f"{source}.parquet" for source in self.plan.sources},
            {source: frame["subject_id"] for source, frame in self.identified.items()},
            self.direct,
            threads,
        )

    @property
    def links(self) -> pl.DataFrame:
        """All links so far, each pair once; in links with the spine, the spine is the right source."""
        return pl.concat(self.steps).unique(PAIR, keep="first", maintain_order=True)

    def clusters(self) -> pl.DataFrame:
        """Return the person of every subject (`source, subject_id, person_id`) by the links so far."""
        likely = self.links.filter(pl.col("match_probability") >= self.settings.accept)
        subjects = self.subjects.nodes.select("source", "subject_id")
        return cluster(subjects, likely, self.plan.order_of_people, self.settings.rival_margin, self.plan.duplicates)

    def link_by_identifiers(self) -> None:
        """Link every two sources that share a kind of direct identifier, if the kind is unique."""
        self.report("direct identifiers")
        self.unique, warnings = check_identifiers(self.subjects, self.direct)
        self.warnings += warnings
        self.steps.append(link_by_identifiers(self.identified, self.unique, self.plan.duplicates))

    def link_by_keys(self) -> None:
        """Link the sources of `by_keys_only` with the spine by match-keys."""
        keys, spine = read_match_keys(), self.plan.spine
        for source in self.plan.by_keys_only if spine else ():
            self.report(f"{source} with {spine}")
            linked = self.links.filter((pl.col("source_l") == source) & (pl.col("source_r") == spine))
            columns = sorted({column for key in keys for column in key.columns})
            left, right = (
                self._unlinked(one, linked[side], columns)
                for one, side in ((source, "subject_id_l"), (spine or "", "subject_id_r"))
            )
            by_keys = link_by_keys(left, right, keys)
            odds = pl.col("match_probability") / (1 - pl.col("match_probability"))
            self.steps.append(
                by_keys.select(
                    pl.lit(source).alias("source_l"), "subject_id_l", pl.lit(spine).alias("source_r"),
                    "subject_id_r", odds.log(2).round(6).alias("match_weight"), "match_probability",
                    pl.concat_str(pl.lit("key:"), "key").alias("method"),
                )
            )  # fmt: skip

    def _unlinked(self, source: str, linked: pl.Series, columns: list[str]) -> pl.DataFrame:
        tokens = read_table(self.ingest / "tokens" / f"{source}.parquet", columns=["subject_id", *columns])
        inside = self.identified[source]["subject_id"]
        return tokens.filter(
            pl.col("subject_id").is_in(inside.implode()) & ~pl.col("subject_id").is_in(linked.implode())
        )

    def link_by_models(self) -> None:
        """Link the pairs of sources of the plan, each by its model."""
        subjects, settings = self.subjects, self.settings
        order = {source: at for at, source in enumerate(subjects.sources)}
        pairs = [(order[left], order[right]) for left, right in self.plan.modelled]
        pairs = [pair for pair in pairs if subjects.compared(*pair)]
        if not pairs:
            self._warn_of_sources_alone([])
            return
        self.report("candidate pairs")
        certain = self._certain_people()
        sources = sources_of(certain, subjects.source)
        sources &= ~(np.uint64(1) << subjects.source.astype(np.uint64))
        held = held_out_nodes(certain, sources, self.study.seed)
        subjects.add("certain_sources", np.where(held, np.uint64(0), sources), "UBIGINT")
        candidates = propose(subjects, pairs, settings.pairs_per_record, settings.training_pairs)
        self._warn_of_sources_alone([pairs[number] for number in np.unique(candidates.pair)])
        self._warn_of_blocks(candidates)
        self.compared_pairs = len(candidates.left)
        self.report(f"comparing {self.compared_pairs:,} pairs")
        compared = compare(subjects, candidates.left, candidates.right)
        (candidates, compared), held_pairs = split(
            candidates, compared, ruled_out(candidates, sources, subjects.source)
        )
        self.candidates, self.certain_sources = candidates, sources
        names = supposed_frequency(subjects)
        self.models = self._models(pairs, candidates, compared, certain, names)
        self.report("probabilities")
        if self.keeps_scores:
            self.explained = Explained(candidates, compared, names, self.subjects.identified(self.unique), {})
        self._score(pairs, candidates, compared, names, sources)
        self.report("identifiers held out")
        self._score_held_out(pairs, *held_pairs, names, held)

    def _models(
        self,
        pairs: list[tuple[int, int]],
        candidates: Candidates,
        compared: Compared,
        certain: np.ndarray,
        names: np.ndarray,
    ) -> list[PairModel]:
        subjects, settings = self.subjects, self.settings
        files = [
            self.study.model_files.get(model_name(subjects.sources[left], subjects.sources[right]))
            for left, right in pairs
        ]
        if all(files):
            trained = []
        else:
            self.report("training models")
            known = known_people(subjects, read_match_keys(), certain)
            size = np.bincount(subjects.source, minlength=len(subjects.sources))
            most = settings.training_pairs // (2 * len(pairs))
            sizes = [min(PAIRS_PER_SUBJECT * int(size[left] + size[right]), most) for left, right in pairs]
            counts = count_levels(
                subjects, pairs, known, sizes, stated_weights(subjects.comparisons), self.study.seed
            )
            trained = train_models(
                subjects, pairs, candidates, compared, known, counts, names, settings.minimum_pairs_per_level
            )
        return [
            model_of_file(
                file, subjects.sources[left], subjects.sources[right], subjects.comparisons,
                subjects.compared(left, right), subjects.possible(left, right),
            ) if file else trained[number]
            for number, (file, (left, right)) in enumerate(zip(files, pairs, strict=True))
        ]  # fmt: skip

    def _score(
        self,
        pairs: list[tuple[int, int]],
        candidates: Candidates,
        compared: Compared,
        names: np.ndarray,
        sources: np.ndarray,
    ) -> None:
        places = by_source_pair(candidates.pair, len(pairs))
        unit = np.arange(len(names))
        identified = self.subjects.identified(self.unique)
        # duplicates within a source first: to other sources they are one partner
        for number in sorted(range(len(pairs)), key=lambda one: (pairs[one][0] != pairs[one][1], one)):
            left, right = pairs[number]
            free = [
                int(((subjects_of == one) & ((sources >> np.uint64(other)) & np.uint64(1) == 0)).sum())
                if left != right else int((subjects_of == one).sum())
                for subjects_of in (self.subjects.source,)
                for one, other in ((left, right), (right, left))
            ]  # fmt: skip
            scored = score(
                self.models[number], candidates, compared, places[number], Scope(max(free[0], 1), max(free[1], 1)),
                names, unit, identified, self.settings.duplicate_share,
            )  # fmt: skip
            if left == right:
                likely = scored.probability >= self.settings.accept
                unit = np.minimum(unit, _people(len(names), scored.left[likely], scored.right[likely])[1])
            if self.explained is not None:
                self.explained.scored[left, right] = scored
            if left != right:
                self._count(left, right, scored)
            kept = scored.probability >= self.settings.floor
            subject = self.subjects.nodes["subject_id"]
            self.steps.append(
                pl.DataFrame(
                    {
                        "subject_id_l": subject.gather(scored.left[kept]),
                        "subject_id_r": subject.gather(scored.right[kept]),
                        "match_weight": scored.weight[kept],
                        "match_probability": scored.probability[kept],
                    }
                ).select(
                    pl.lit(self.models[number].left).alias("source_l"), "subject_id_l",
                    pl.lit(self.models[number].right).alias("source_r"), "subject_id_r",
                    "match_weight", "match_probability",
                    pl.lit(f"model:{self.models[number].name}").alias("method"),
                )
            )  # fmt: skip

    def _count(self, left: int, right: int, scored: Scored) -> None:
        """Keep what the numbers of links of the left source's records say, before rivals are compared."""
        likely = scored.unrivalled >= self.settings.accept
        per_record = np.unique(scored.left[likely], return_counts=True)[1]
        counts = count_links(per_record, int((self.subjects.source == left).sum()))
        if counts is not None:
            self.counts[left, right] = counts, float(np.sort(scored.unrivalled[likely]).mean())

    def _score_held_out(
        self,
        pairs: list[tuple[int, int]],
        candidates: Candidates,
        compared: Compared,
        names: np.ndarray,
        held: np.ndarray,
    ) -> None:
        """Score the pairs of people whose identifiers were held out as if they had none, and count who is found."""
        places = by_source_pair(candidates.pair, len(pairs))
        no_identifier, unit = np.zeros(len(names), dtype=np.uint64), np.arange(len(names))
        known = edges_of(self.links.filter(pl.col("method").str.starts_with("identifier:")), self.subjects.nodes)
        source = self.subjects.source
        for number, (left, right) in enumerate(pairs):
            ends = known["l"].to_numpy(), known["r"].to_numpy()
            of_pair = (source[ends[0]] == left) & (source[ends[1]] == right) & held[ends[0]]
            if left == right or not of_pair.any():
                continue
            true = {
                (one, other) for one, other in zip(ends[0][of_pair].tolist(), ends[1][of_pair].tolist(), strict=True)
            }
            inside = places[number][held[candidates.left[places[number]]]]
            scope = Scope(len({one for one, _ in true}), int((source == right).sum()))
            scored = score(
                self.models[number], candidates, compared, inside, scope, names, unit, no_identifier,
                self.settings.duplicate_share,
            )  # fmt: skip
            likely = scored.probability >= self.settings.accept
            found = set(zip(scored.left[likely].tolist(), scored.right[likely].tolist(), strict=True))
            expected = float(np.sort(scored.probability[likely]).sum() / max(np.sort(scored.probability).sum(), 1e-9))
            self.held_out[left, right] = HeldOut(len(true), len(true & found), expected * len(true))

    def _certain_people(self) -> np.ndarray:
        """Return the number of the person of every node, as direct identifiers join them."""
        nodes = self.subjects.nodes
        ends = self.links.filter(pl.col("method").str.starts_with("identifier:"))
        for side in ("l", "r"):
            ends = ends.join(
                nodes.rename({"source": f"source_{side}", "subject_id": f"subject_id_{side}", "node": side}),
                on=[f"source_{side}", f"subject_id_{side}"],
            )
        return _people(nodes.height, ends["l"].to_numpy(), ends["r"].to_numpy())[0]

    def _warn_of_sources_alone(self, pairs: list[tuple[int, int]]) -> None:
        """Warn of sources without links of which no subject is in a candidate pair; `pairs` are those with any."""
        names = self.subjects.sources
        together = {names[one] for pair in pairs for one in pair} | set(self.plan.by_keys_only)
        linked = self.links
        together |= set(linked["source_l"]) | set(linked["source_r"])
        alone = [source for source in names if source not in together]
        if alone:
            self.warnings.append(
                f"Nobody of {', '.join(alone)} is compared with anybody: two sources must share a direct identifier, "
                f"or at least {ENOUGH} of {', '.join(ATTRIBUTES)}, with values in them, and a source is "
                "compared with itself only if [linkage] names it under 'duplicates'."
            )

    def _warn_of_blocks(self, candidates: Candidates) -> None:
        self.warnings += [
            f"The blocking rule '{cost.rule}' leaves out {cost.pairs_dropped:,} pairs of {cost.blocks_dropped:,} "
            "blocks that are too large for 'pairs_per_record'. Raise it under [linkage] if links are missing."
            for cost in candidates.costs
            if cost.blocks_dropped
        ]


def _people(size: int, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the connected component of each of `size` nodes, and its first node."""
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    person = connected_components(graph, directed=False)[1].astype(np.int64)
    first = np.full(int(person.max(initial=-1)) + 1, size)
    np.minimum.at(first, person, np.arange(size))
    return person, first[person] if size else person


def _write(linking: Linking, out: Path) -> StageResult:
    """Write all tables of the stage and summarise them in one line."""
    linking.report("people and the quality of links")
    links, clusters = linking.links, linking.clusters()
    models, spine = linking.models, linking.plan.spine
    save(links, "links", out)
    save(find_mothers(linking.ingest, linking.plan.order_of_people, linking.study.contracts), "mothers", out)
    measured = _measured(linking, clusters, links)
    save(measured.quality, "linkage_quality", out)
    save(measured.errors, "link_errors", out)
    save(measured.review, "review_of_links", out)
    best = clusters.with_columns(pl.lit(0, pl.Int32).alias("draw"))
    people_of_draws = pl.concat([best, measured.draws.select(best.columns)])
    possibly_one = measured.possibly_one
    if linking.study.stored_people:
        renamed = _as_stored(people_of_draws, linking.study.stored_people, linking, out)
        possibly_one = renumbered(possibly_one, people_of_draws, renamed)
        people_of_draws = renamed
    save(people_of_draws, "clusters", out)
    save(possibly_one, "possibly_one", out)
    for model in models:
        model.save(out / "models")
    write_table(model_levels(models), out / "model_levels.parquet")
    write_table(link_weights(mark_accepted(links, clusters)), out / "link_weights.parquet")
    people, defaults = clusters["person_id"].n_unique(), sum(len(model.levels_by_default) for model in models)
    on_spine = linking.identified[spine].height if spine else 0
    return StageResult(
        facts={"spine": spine} if spine else {},
        counts={
            "subjects": clusters.height,
            "candidate_pairs": linking.compared_pairs,
            "people": people,
            "links": links.height,
            "levels_by_default": defaults,
        },
        sentence=f"{clusters.height:,} subjects are {people:,} people"
        + (f", {on_spine:,} of them on {spine}" if spine else "")
        + f"; {counted(len(models), 'model')}, {defaults} of their levels by default",
        warnings=(*linking.warnings, *_warnings_of_models(models), *measured.warnings),
    )


def _as_stored(people: pl.DataFrame, stored: StoredPeople, linking: Linking, out: Path) -> pl.DataFrame:
    """Return clusters with the numbers of the people of an earlier run, and write `person_changes`."""
    contracts = linking.study.contracts
    keyed = [source for source in linking.plan.sources if source in stored.tokens]
    tokens = {source: linking.ingest / "tokens" / f"{source}.parquet" for source in keyed}
    clusters = read_table(stored.clusters.path)
    before = keys_of_people(clusters, {source: stored.tokens[source].path for source in keyed}, contracts)
    largest = max(clusters["person_id"].to_list(), default=0)
    renamed, changes = named_as_before(people, keys_of_people(people, tokens, contracts), before, largest)
    save(changes, "person_changes", out)
    return renamed


def _warnings_of_models(models: list[PairModel]) -> list[str]:
    inverted = [
        f"The linkage model '{model.name}' is inverted for {comparison}: disagreement weighs more than "
        "agreement. Check its levels in the report before relying on its links."
        for model in models
        for comparison in model.inverted_comparisons
    ]
    stated = {
        model.name: model.levels_by_default
        for model in models
        if 2 * len(model.levels_by_default) > len(model.levels)
    }
    if stated:
        levels = sorted({level for of_model in stated.values() for level in of_model})
        inverted.append(
            f"{counted(len(stated), 'linkage model')} of {len(models)} rest mostly on stated probabilities "
            f"({', '.join(stated)}): too few pairs were seen of {', '.join(levels)}. Their links are as good as "
            "these; name trained models under [linkage.models]."
        )
    return inverted


def _measured(linking: Linking, clusters: pl.DataFrame, links: pl.DataFrame) -> Measured:
    """Return the quality of the links of each source with the spine, then of every other two sources with links."""
    number = {name: at for at, name in enumerate(linking.subjects.sources)}
    models = {(number[model.left], number[model.right]): model for model in linking.models}
    linked = set(links.select("source_l", "source_r").unique().rows()) | {
        (model.left, model.right) for model in linking.models
    }
    spine = linking.plan.spine
    with_spine = [(source, spine) for source in linking.plan.sources if spine and source != spine]
    pairs = [*with_spine, *sorted(linked.difference(with_spine))]
    if not pairs:
        return Measured(
            LinkageQuality.create_empty(), LinkErrors.create_empty(), PossiblyOne.create_empty(),
            ReviewOfLinks.create_empty(), [], NO_DRAWS,
        )  # fmt: skip
    found = LinkedSubjects(
        linking.subjects, linking.candidates, models, linking.certain_sources, linking.counts, linking.held_out,
        linking.unique,
    )  # fmt: skip
    return measure(found, linking.study, links, clusters, pairs, linking.identified, linking.ingest)
