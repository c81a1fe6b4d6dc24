"""The stage `link`: which subjects of which sources are one person, and how good those links are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from linkage.clusters import cluster
from linkage.identifiers import PAIR, find_mothers, link_by_identifiers
from linkage.match_keys import MatchKey, link_by_keys, read_match_keys
from linkage.model import LinkageModel, SubjectPair, obtain_model, score
from linkage.plan import LinkagePlan, read_plan
from linkage.posterior import match_probabilities
from linkage.quality import accepted_links, linkage_quality, read_review, with_groups, with_review
from pipeline.contracts import SourceContract
from pipeline.errors import unknown
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult
from pipeline.tables import write_table

SURVEY, REVIEW = "coverage_survey", "review_sample"


def link(context: StageContext) -> StageResult:
    """Link all subjects of the study and write links, clusters, mothers, models and the quality of links."""
    plan, contracts = read_plan(), context.study.source_contracts()
    sources = plan.linked_sources(contracts)
    ingest = context.folders["ingest"]
    tokens = {source: pl.read_parquet(ingest / "tokens" / f"{source}.parquet") for source in sources}
    work = _Work(context, plan, contracts, tokens)
    work.link_identifiers()
    for source in sources[1:]:
        work.link_with_spine(source)
    left_over = work.left_over()
    for left, right in plan.left_over_pairs(sources):
        work.link_left_over(left, right, left_over)
    clusters = work.clusters()
    return _write(work, clusters)


@dataclass
class _Work:
    """The links found so far."""

    context: StageContext
    plan: LinkagePlan
    contracts: Mapping[str, SourceContract]
    tokens: Mapping[str, pl.DataFrame]
    links: list[pl.DataFrame] = field(default_factory=list)
    models: dict[tuple[str, str], LinkageModel] = field(default_factory=dict)
    keys: tuple[MatchKey, ...] = field(default_factory=read_match_keys)
    files: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spine = self.plan.spine
        modelled = self.plan.modelled(self.tokens, dict(self.contracts))
        names = [*modelled, *(f"{left}_{right}" for left, right in self.plan.left_over_pairs(self.tokens))]
        study = self.context.study
        for name, file in sorted(study.linkage.models.items()):
            if name not in names:
                raise unknown("model", name, names, f"{study.path}, [linkage.models]")
            self.files[name] = study.resolve(file)
        self.modelled = set(modelled)
        self.spine = spine

    @property
    def all_links(self) -> pl.DataFrame:
        """All links so far, each pair once."""
        return pl.concat(self.links).unique(PAIR, keep="first", maintain_order=True)

    def clusters(self) -> pl.DataFrame:
        """Return who is who by the links so far."""
        subjects = pl.concat(
            [frame.select(pl.lit(source).alias("source"), "subject_id") for source, frame in self.tokens.items()]
        )
        likely = self.all_links.filter(pl.col("match_probability") >= self.plan.accept)
        return cluster(subjects, likely, list(self.tokens), self.plan.margin)

    def link_identifiers(self) -> None:
        """Link by direct identifiers, whatever two sources share one."""
        self.context.tell("direct identifiers")
        self.links.append(link_by_identifiers(self.tokens, self.contracts))

    def link_with_spine(self, source: str) -> None:
        """Link a source with the spine: by match-keys, and by a model unless the plan says by keys alone."""
        self.context.tell(f"{source} with {self.spine}")
        known = self.links[0].filter((pl.col("source_l") == self.spine) & (pl.col("source_r") == source))
        free_left = self.tokens[source].filter(~pl.col("subject_id").is_in(known["subject_id_r"].implode()))
        free_right = self.tokens[self.spine].filter(~pl.col("subject_id").is_in(known["subject_id_l"].implode()))
        if source in self.modelled:
            self._link_by_model(source, source, self.spine, free_left, free_right)
            return
        by_key = link_by_keys(free_left, free_right, self.keys)
        self.links.append(_key_links(by_key, source, self.spine))

    def left_over(self) -> pl.DataFrame:
        """Return the subjects (`source, subject_id`) of people who are not on the spine by the links so far."""
        clusters = self.clusters()
        on_spine = clusters.filter(pl.col("source") == self.spine)["person_id"].implode()
        return clusters.filter(~pl.col("person_id").is_in(on_spine))

    def link_left_over(self, left: str, right: str, left_over: pl.DataFrame) -> None:
        """Link those of two sources who are not on the spine; the model is trained on all of both."""
        self.context.tell(f"{left} with {right}, who are not on {self.spine}")
        free = [
            self.tokens[source].join(left_over.filter(pl.col("source") == source), on="subject_id", how="semi")
            for source in (left, right)
        ]
        self._link_by_model(f"{left}_{right}", left, right, *free)

    def _link_by_model(
        self, name: str, left: str, right: str, free_left: pl.DataFrame, free_right: pl.DataFrame
    ) -> None:
        """Link the free subjects of two sources; pairs that match-keys settle are scored by the model too."""
        if free_left.is_empty() or free_right.is_empty():
            return
        strict = tuple(key for key in self.keys if not key.without_model)
        everybody = link_by_keys(self.tokens[left], self.tokens[right], strict)
        settled = everybody.join(free_left, left_on="subject_id_l", right_on="subject_id", how="semi").join(
            free_right, left_on="subject_id_r", right_on="subject_id", how="semi"
        )
        pair = SubjectPair(
            _prepare(self.tokens[left], free_left, everybody, settled, "subject_id_l"),
            _prepare(self.tokens[right], free_right, everybody, settled, "subject_id_r"),
            self.context.threads,
        )
        study = self.context.study
        model = obtain_model(name, pair, self.files.get(name), study.linkage, study.seed)
        self.models[left, right] = model
        evidence = score(model, pair, least_weight=-10)
        free = free_right.height - settled.height
        likely, _ = match_probabilities(evidence, free_left.height, max(free, 1))
        method = pl.concat_str(pl.lit("key:"), "key").fill_null(f"model:{name}")
        self.links.append(
            likely.filter(pl.col("match_probability") >= study.linkage.floor)
            .join(settled.select("subject_id_l", "subject_id_r", "key"), on=["subject_id_l", "subject_id_r"],
                  how="left", maintain_order="left")
            .select(
                pl.lit(left).alias("source_l"), "subject_id_l", pl.lit(right).alias("source_r"), "subject_id_r",
                "match_weight", "match_probability", method.alias("method"),
            )
        )  # fmt: skip


def _prepare(
    subjects: pl.DataFrame, free: pl.DataFrame, everybody: pl.DataFrame, settled: pl.DataFrame, side: str
) -> pl.DataFrame:
    """Return subjects with the three columns of `SubjectPair` that say who is settled, proposed and free."""
    numbers = [
        pairs.select(pl.col(side).alias("subject_id"), pl.col("subject_id_l").alias(name))
        for pairs, name in ((everybody, "settled"), (settled, "proposed"))
    ]
    for number in numbers:
        subjects = subjects.join(number, on="subject_id", how="left", maintain_order="left")
    in_scope = pl.col("subject_id").is_in(free["subject_id"].implode())
    return subjects.with_columns(pl.when(in_scope & pl.col("proposed").is_null()).then(pl.lit(True)).alias("free"))


def _key_links(by_key: pl.DataFrame, left: str, right: str) -> pl.DataFrame:
    probability = pl.col("match_probability")
    return by_key.select(
        pl.lit(left).alias("source_l"), "subject_id_l", pl.lit(right).alias("source_r"), "subject_id_r",
        (probability.log(2) - (1 - probability).log(2)).round(6).alias("match_weight"),
        probability, pl.concat_str(pl.lit("key:"), "key").alias("method"),
    )  # fmt: skip


def _write(work: _Work, clusters: pl.DataFrame) -> StageResult:
    """Write all tables of the stage and say in one line what was found."""
    out, spine = work.context.out, work.spine
    links = work.all_links
    save(links, "links", out)
    save(clusters.with_columns(pl.lit(0, pl.Int32).alias("draw")), "clusters", out)
    save(find_mothers(work.context.folders["ingest"], work.tokens, work.contracts), "mothers", out)
    for model in work.models.values():
        model.save(out / "models")
    write_table(_model_levels(work.models), out / "model_levels.parquet")
    write_table(_link_weights(accepted_links(links, clusters)), out / "link_weights.parquet")
    quality = _quality(work, clusters, links)
    save(quality, "linkage_quality", out)
    people = int(clusters["person_id"].n_unique())
    defaults = sum(model.levels_by_default for model in work.models.values())
    on_spine = clusters.filter(pl.col("source") == spine).height
    sentence = (
        f"{clusters.height:,} subjects are {people:,} people, {on_spine:,} of them on {spine}; "
        f"{len(work.models)} models, {defaults} of their levels by default"
    )
    counts = {"subjects": clusters.height, "people": people, "links": links.height, "levels_by_default": defaults}
    return StageResult(counts, sentence)


def _quality(work: _Work, clusters: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    study, spine = work.context.study, work.spine
    subjects = pl.concat(
        [frame.with_columns(pl.lit(source).alias("source")) for source, frame in work.tokens.items()],
        how="diagonal",
    )
    groups = with_groups(subjects, study.coverage.reference_date)
    others = list(work.tokens)[1:]
    oriented = _orient(links, spine)
    identified = [
        (left, right)
        for left, right in oriented.select("source_l", "source_r").unique().sort("source_l", "source_r").rows()
        if right != spine and (left, right) not in work.models
    ]
    pairs = [*((source, spine) for source in others), *identified, *(one for one in work.models if one[1] != spine)]
    by_default = {pair: model.levels_by_default for pair, model in work.models.items()}
    quality = linkage_quality(groups, clusters, oriented, pairs, by_default)
    if SURVEY in work.tokens and REVIEW in work.contracts:
        review = read_review(work.context.folders["ingest"], work.tokens, clusters, SURVEY, spine)
        survey_groups = groups.filter(pl.col("source") == SURVEY).drop("source")
        return with_review(quality, review.join(survey_groups, on="subject_id"), SURVEY, spine)
    columns = ["review_recall", "review_recall_se", "review_false_link_rate", "review_false_link_rate_se"]
    nothing = [pl.lit(None, pl.Float64).alias(name) for name in columns]
    return quality.with_columns(pl.lit(None, pl.Int64).alias("reviewed"), *nothing)


def _orient(links: pl.DataFrame, spine: str) -> pl.DataFrame:
    """Return links with the spine, where it takes part, on the right."""
    turned = links.filter(pl.col("source_l") == spine)
    swapped = turned.rename(
        {
            "source_l": "source_r",
            "source_r": "source_l",
            "subject_id_l": "subject_id_r",
            "subject_id_r": "subject_id_l",
        }
    )
    return pl.concat([links.filter(pl.col("source_l") != spine), swapped.select(links.columns)])


def _model_levels(models: Mapping[tuple[str, str], LinkageModel]) -> pl.DataFrame:
    """Return one row a level of a model, in the order in which levels are tried: m, u and their log2 ratio."""
    rows = [
        (model.name, one.comparison, one.level, one.m, one.u, round(math.log2(one.m / one.u), 6), one.by_default)
        for model in models.values()
        for one in model.levels
    ]
    columns = ["model", "comparison", "level", "m", "u", "match_weight", "by_default"]
    types = [pl.String, pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64, pl.Boolean]
    return pl.DataFrame(rows, schema=dict(zip(columns, types, strict=True)), orient="row")


def _link_weights(links: pl.DataFrame) -> pl.DataFrame:
    """Return how many pairs of each model have which weight, whole, and whether they were accepted."""
    by_model = links.filter(pl.col("method").str.starts_with("model:"))
    return (
        by_model.group_by(
            pl.col("method").str.strip_prefix("model:").alias("model"),
            pl.col("match_weight").round(0),
            "accepted",
        )
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("model", "match_weight", "accepted")
    )
