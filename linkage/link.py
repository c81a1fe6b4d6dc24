"""The stage `link`: which subjects of which sources are one person, and how good those links are."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from linkage.clusters import cluster
from linkage.identifiers import PAIR, find_mothers, link_by_identifiers
from linkage.match_keys import link_by_keys, read_match_keys
from linkage.model import LinkageModel, model_levels, read_model, score
from linkage.plan import LinkagePlan, read_plan
from linkage.posterior import match_probabilities, share_found
from linkage.quality import accepted_links, link_weights, linkage_quality, read_review, with_groups, with_review
from linkage.source_pair import SubjectPair
from linkage.stages import LinkStudy
from linkage.subjects_in_scope import SURVEY, subjects_looked_for
from linkage.training import train
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult
from pipeline.tables import write_table

REVIEW = "review_sample"

# Pairs whose comparisons speak more strongly against one person than this (log2 ratio) are not looked at again.
LEAST_EVIDENCE = -10.0


def link(context: StageContext[LinkStudy]) -> StageResult:
    """Link all subjects of the study and write links, clusters, mothers, models and the quality of links."""
    plan = read_plan()
    linking = Linking(plan, context.study, context.folders["ingest"], context.threads, context.report)
    linking.by_identifiers()
    for source in linking.others:
        linking.with_spine(source)
    left_over = linking.left_over()
    for left, right in plan.left_over_pairs(linking.others):
        linking.among_left_over(left, right, left_over)
    return _write(linking, context.out)


class Linking:
    """The links of a study as they are found, one step after the other."""

    def __init__(
        self, plan: LinkagePlan, study: LinkStudy, ingest: Path, threads: int, report: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self.study = study
        self.ingest = ingest
        self.threads = threads
        self.report = report
        self.keys = read_match_keys()
        self.spine, *self.others = plan.linked_sources(study.contracts)
        self.tokens = {
            source: subjects_looked_for(ingest, source, study.survey_date) for source in (self.spine, *self.others)
        }
        self.modelled = plan.modelled(self.others, study.contracts)
        self.found: list[pl.DataFrame] = []
        self.models: dict[tuple[str, str], LinkageModel] = {}

    @property
    def links(self) -> pl.DataFrame:
        """All links so far, each pair once; the spine stands on the right."""
        return pl.concat(self.found).unique(PAIR, keep="first", maintain_order=True)

    def clusters(self) -> pl.DataFrame:
        """Return who is who by the links so far."""
        subjects = pl.concat(
            [frame.select(pl.lit(source).alias("source"), "subject_id") for source, frame in self.tokens.items()]
        )
        likely = self.links.filter(pl.col("match_probability") >= self.plan.accept)
        return cluster(subjects, likely, list(self.tokens), self.plan.margin)

    def left_over(self) -> pl.DataFrame:
        """Return the subjects (`source, subject_id`) of people who are not on the spine by the links so far."""
        clusters = self.clusters()
        on_spine = clusters.filter(pl.col("source") == self.spine)["person_id"].implode()
        return clusters.filter(~pl.col("person_id").is_in(on_spine))

    def by_identifiers(self) -> None:
        """Link by direct identifiers, whatever two sources share one."""
        self.report("direct identifiers")
        spine_last = {source: self.tokens[source] for source in (*self.others, self.spine)}
        self.found.append(link_by_identifiers(spine_last, self.study.contracts))

    def with_spine(self, source: str) -> None:
        """Link a source with the spine: by match-keys, and by a model unless the plan says by keys alone."""
        self.report(f"{source} with {self.spine}")
        identified = self.found[0].filter((pl.col("source_l") == source) & (pl.col("source_r") == self.spine))
        looked_for = [
            self.tokens[one].filter(~pl.col("subject_id").is_in(identified[side].implode()))
            for one, side in ((source, "subject_id_l"), (self.spine, "subject_id_r"))
        ]
        if source in self.modelled:
            self._by_model(source, source, self.spine, looked_for)
        else:
            by_keys = link_by_keys(*looked_for, self.keys)
            odds = pl.col("match_probability") / (1 - pl.col("match_probability"))
            self._add(by_keys.with_columns(odds.log(2).round(6).alias("match_weight")), source, self.spine, "")

    def among_left_over(self, left: str, right: str, left_over: pl.DataFrame) -> None:
        """Link those of two sources who are not on the spine; the model is trained on all of both."""
        self.report(f"{left} with {right}, who are not on {self.spine}")
        looked_for = [left_over.filter(pl.col("source") == source) for source in (left, right)]
        self._by_model(f"{left}_{right}", left, right, looked_for)

    def _by_model(self, name: str, left: str, right: str, looked_for: list[pl.DataFrame]) -> None:
        """Link the subjects of two sources who are looked for; a model scores what match-keys settle, too."""
        if any(one.is_empty() for one in looked_for):
            return
        ids = (looked_for[0]["subject_id"], looked_for[1]["subject_id"])
        pair = SubjectPair(self.tokens[left], self.tokens[right], ids, self.keys, self.threads)
        file, settings = self.study.model_files.get(name), self.study.linkage
        model = read_model(name, file.path, pair) if file else train(name, pair, settings, self.study.seed)
        self.models[left, right] = model
        evidence = score(model, pair, LEAST_EVIDENCE)
        share = share_found(evidence, pair.looked_for[0], pair.candidates)
        likely = match_probabilities(evidence, share, pair.candidates)
        by_key = pair.proposed.select("subject_id_l", "subject_id_r", "key")
        links = likely.filter(pl.col("match_probability") >= settings.floor).join(
            by_key, on=["subject_id_l", "subject_id_r"], how="left", maintain_order="left"
        )
        self._add(links, left, right, f"model:{name}")

    def _add(self, links: pl.DataFrame, left: str, right: str, method: str) -> None:
        """Add pairs with their `key` (null if none), `match_weight` and `match_probability`."""
        self.found.append(
            links.select(
                pl.lit(left).alias("source_l"), "subject_id_l", pl.lit(right).alias("source_r"), "subject_id_r",
                "match_weight", "match_probability",
                pl.concat_str(pl.lit("key:"), "key").fill_null(method).alias("method"),
            )
        )  # fmt: skip


def _write(linking: Linking, out: Path) -> StageResult:
    """Write all tables of the stage and say in one line what was found."""
    linking.report("people and the quality of links")
    links, clusters = linking.links, linking.clusters()
    models = list(linking.models.values())
    save(links, "links", out)
    save(clusters.with_columns(pl.lit(0, pl.Int32).alias("draw")), "clusters", out)
    save(find_mothers(linking.ingest, linking.tokens, linking.study.contracts), "mothers", out)
    save(_quality(linking, clusters, links), "linkage_quality", out)
    for model in models:
        model.save(out / "models")
    write_table(model_levels(models), out / "model_levels.parquet")
    write_table(link_weights(accepted_links(links, clusters)), out / "link_weights.parquet")
    people, on_spine = clusters["person_id"].n_unique(), linking.tokens[linking.spine].height
    defaults = sum(model.levels_by_default for model in models)
    return StageResult(
        counts={"subjects": clusters.height, "people": people, "links": links.height, "levels_by_default": defaults},
        sentence=f"{clusters.height:,} subjects are {people:,} people, {on_spine:,} of them on {linking.spine}; "
        f"{len(models)} models, {defaults} of their levels by default",
        warnings=tuple(
            f"The linkage model '{model.name}' is upside down for {comparison}: disagreeing weighs more than "
            "agreeing. Look at its levels in the report before you trust its links."
            for model in models
            for comparison in model.upside_down
        ),
    )


def _quality(linking: Linking, clusters: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return `linkage_quality` of each source with the spine, then of each other two sources that were linked."""
    subjects = pl.concat(
        [frame.with_columns(pl.lit(source).alias("source")) for source, frame in linking.tokens.items()],
        how="diagonal",
    )
    groups = with_groups(subjects, linking.study.survey_date)
    linked = set(links.select("source_l", "source_r").unique().rows()) | set(linking.models)
    with_spine = [(source, linking.spine) for source in linking.others]
    pairs = [*with_spine, *sorted(linked.difference(with_spine))]
    by_default = {pair: model.levels_by_default for pair, model in linking.models.items()}
    quality = linkage_quality(groups, clusters, links, pairs, by_default)
    review = None
    if SURVEY in linking.tokens and REVIEW in linking.study.contracts:
        review = read_review(linking.ingest, linking.tokens, clusters, SURVEY, linking.spine)
        review = review.join(groups.filter(pl.col("source") == SURVEY).drop("source"), on="subject_id")
    return with_review(quality, review, SURVEY, linking.spine)
