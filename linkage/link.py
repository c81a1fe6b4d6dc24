"""The stage `link`: which subjects of which sources are one person, and how good those links are."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from linkage.clusters import cluster
from linkage.identifiers import PAIR, find_mothers, link_by_identifiers
from linkage.match_keys import link_by_keys, read_match_keys
from linkage.model import LinkageModel, model_levels, model_of_file, score
from linkage.plan import SURVEY, LinkagePlan, model_name, read_plan
from linkage.posterior import match_probabilities, share_found
from linkage.quality import link_weights, linkage_quality, mark_accepted, read_review, with_groups, with_review
from linkage.source_pair import SourcePair
from linkage.stages import LinkStudy
from linkage.subjects_in_scope import subjects_in_scope
from linkage.training import train
from pipeline.ingest.accepted_rows import check_accepted_rows
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult
from pipeline.tables import write_table

# Pairs whose comparisons give less evidence for one person than this (log2 of m over u) are dropped at once.
MINIMUM_EVIDENCE = -10.0


def link(context: StageContext[LinkStudy]) -> StageResult:
    """Link all subjects of the study and write links, clusters, mothers, models and the quality of links."""
    plan = read_plan()
    required = plan.required_extracts(context.study.contracts)
    check_accepted_rows(context.folders["ingest"], required, context.study.study_file)
    linking = Linking(plan, context.study, context.folders["ingest"], context.threads, context.report)
    linking.link_by_identifiers()
    for source in linking.others:
        linking.link_with_spine(source)
    residuals = linking.residuals()
    for left, right in plan.pairs_among_residuals(linking.others):
        linking.link_residuals(left, right, residuals)
    return _write(linking, context.out)


class Linking:
    """The links of a study, added step by step; `report` takes one short sentence on what is being done now."""

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
            source: subjects_in_scope(ingest, source, study.survey_date) for source in (self.spine, *self.others)
        }
        self.modelled = plan.modelled(self.others, study.contracts)
        self.steps: list[pl.DataFrame] = []
        self.models: dict[tuple[str, str], LinkageModel] = {}

    @property
    def links(self) -> pl.DataFrame:
        """All links so far, each pair once; in links with the spine, the spine is the right source."""
        return pl.concat(self.steps).unique(PAIR, keep="first", maintain_order=True)

    def clusters(self) -> pl.DataFrame:
        """Return the person of every subject (`source, subject_id, person_id`) by the links so far."""
        subjects = pl.concat(
            [frame.select(pl.lit(source).alias("source"), "subject_id") for source, frame in self.tokens.items()]
        )
        likely = self.links.filter(pl.col("match_probability") >= self.plan.accept)
        return cluster(subjects, likely, list(self.tokens), self.plan.rival_margin)

    def residuals(self) -> pl.DataFrame:
        """Return the subjects (`source, subject_id, person_id`) of people not on the spine by the links so far."""
        clusters = self.clusters()
        on_spine = clusters.filter(pl.col("source") == self.spine)["person_id"].implode()
        return clusters.filter(~pl.col("person_id").is_in(on_spine))

    def link_by_identifiers(self) -> None:
        """Link every two sources that share a kind of direct identifier."""
        self.report("direct identifiers")
        spine_last = {source: self.tokens[source] for source in (*self.others, self.spine)}
        self.steps.append(link_by_identifiers(spine_last, self.study.contracts))

    def link_with_spine(self, source: str) -> None:
        """Link a source with the spine: by match-keys, and by a model unless the plan says by keys alone."""
        self.report(f"{source} with {self.spine}")
        by_identifier = self.steps[0].filter((pl.col("source_l") == source) & (pl.col("source_r") == self.spine))
        in_scope = [
            self.tokens[one].filter(~pl.col("subject_id").is_in(by_identifier[side].implode()))
            for one, side in ((source, "subject_id_l"), (self.spine, "subject_id_r"))
        ]
        if source in self.modelled:
            self._link_by_model(source, source, self.spine, in_scope)
        else:
            by_keys = link_by_keys(*in_scope, self.keys)
            odds = pl.col("match_probability") / (1 - pl.col("match_probability"))
            self._add(by_keys.with_columns(odds.log(2).round(6).alias("match_weight")), source, self.spine, "")

    def link_residuals(self, left: str, right: str, residuals: pl.DataFrame) -> None:
        """Link the residual subjects of two sources; the model is trained on all subjects of both."""
        self.report(f"{left} with {right}, people not on {self.spine}")
        in_scope = [residuals.filter(pl.col("source") == source) for source in (left, right)]
        self._link_by_model(model_name(left, right), left, right, in_scope)

    def _link_by_model(self, name: str, left: str, right: str, in_scope: list[pl.DataFrame]) -> None:
        """Link the subjects in scope of two sources; the model also scores the pairs that match-keys link."""
        if any(one.is_empty() for one in in_scope):
            return
        ids = (in_scope[0]["subject_id"], in_scope[1]["subject_id"])
        pair = SourcePair(self.tokens[left], self.tokens[right], ids, self.keys, self.threads)
        file, settings = self.study.model_files.get(name), self.study.linkage
        model = model_of_file(name, file, pair) if file else train(name, pair, settings, self.study.seed)
        self.models[left, right] = model
        evidence = score(model, pair, MINIMUM_EVIDENCE)
        share = share_found(evidence, pair.left_in_scope, pair.right_unmatched)
        likely = match_probabilities(evidence, share, pair.right_unmatched)
        by_key = pair.key_links.select("subject_id_l", "subject_id_r", "key")
        links = likely.filter(pl.col("match_probability") >= settings.floor).join(
            by_key, on=["subject_id_l", "subject_id_r"], how="left", maintain_order="left"
        )
        self._add(links, left, right, f"model:{name}")

    def _add(self, links: pl.DataFrame, left: str, right: str, method: str) -> None:
        """Add pairs with their `match_weight`, `match_probability` and `key` (null: by `method`)."""
        self.steps.append(
            links.select(
                pl.lit(left).alias("source_l"), "subject_id_l", pl.lit(right).alias("source_r"), "subject_id_r",
                "match_weight", "match_probability",
                pl.concat_str(pl.lit("key:"), "key").fill_null(method).alias("method"),
            )
        )  # fmt: skip


def _write(linking: Linking, out: Path) -> StageResult:
    """Write all tables of the stage and summarise them in one line."""
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
    write_table(link_weights(mark_accepted(links, clusters)), out / "link_weights.parquet")
    people, on_spine = clusters["person_id"].n_unique(), linking.tokens[linking.spine].height
    defaults = sum(model.levels_by_default for model in models)
    return StageResult(
        facts={"spine": linking.spine},
        counts={"subjects": clusters.height, "people": people, "links": links.height, "levels_by_default": defaults},
        sentence=f"{clusters.height:,} subjects are {people:,} people, {on_spine:,} of them on {linking.spine}; "
        f"{len(models)} models, {defaults} of their levels by default",
        warnings=tuple(
            f"The linkage model '{model.name}' is inverted for {comparison}: disagreement weighs more than "
            "agreement. Check its levels in the report before relying on its links."
            for model in models
            for comparison in model.inverted_comparisons
        ),
    )


def _quality(linking: Linking, clusters: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return `linkage_quality` of each source with the spine, then of every other two sources that were linked."""
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
    review, contracts = None, linking.study.contracts
    if linking.plan.has_review(contracts):
        review = read_review(linking.ingest, linking.tokens, clusters, contracts, linking.spine)
        review = review.join(groups.filter(pl.col("source") == SURVEY).drop("source"), on="subject_id")
    return with_review(quality, review, linking.spine)
