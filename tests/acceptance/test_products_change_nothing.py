"""Sources of other products are checked and pseudonymised, and change no published figure."""

import hashlib
import re
from pathlib import Path

import polars as pl

OTHER_PRODUCTS = {
    "benefits": ["benefit_spells"],
    "earnings": ["tax_years"],
    "families": ["child_benefit_claims", "child_benefit_children", "tax_credit_awards"],
    "leave": ["leave_applications", "citizenship_applications"],
    "settlement_scheme": ["eu_settlement"],
}
EXTRACTS = [extract for extracts in OTHER_PRODUCTS.values() for extract in extracts]
COUNTS_OF_FILES = {
    f"{name}.{kind}" for name in ("ledger", "source_cards", "delivery_volumes") for kind in ("parquet", "csv")
} | {"funnel.csv"}
"""They count the rows of all files."""


def remove_other_products(study: Path) -> None:
    """Remove the extracts of other products from a study file."""
    head, *extracts = re.split(r"(?=^\[\[extract\]\])", study.read_text(), flags=re.MULTILINE)
    kept = [one for one in extracts if not re.search(rf'name = "({"|".join(EXTRACTS)})"', one)]
    assert len(kept) == len(extracts) - len(EXTRACTS)
    study.write_text(head + "".join(kept))


def tables_of(run: Path) -> dict[str, str]:
    """Return the digests of all tables except those of other products' sources, and of all scores."""
    own = {f"{kind}/{extract}.parquet" for kind in ("records", "rows", "quarantine") for extract in EXTRACTS}
    own |= {f"{kind}/{source}.parquet" for kind in ("tokens", "subjects") for source in OTHER_PRODUCTS}
    files = [
        *((path, str(path.relative_to(run / "tables"))) for path in (run / "tables").rglob("*") if path.is_file()),
        *((path, str(path.relative_to(run))) for path in (run / "evaluation").rglob("*") if path.is_file()),
    ]
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path, name in files
        if name not in own | COUNTS_OF_FILES
    }


def test_every_figure_is_the_same_without_the_sources_of_other_products(demo, study_copy, command):
    remove_other_products(study_copy)
    outcome = command("run", study_copy)
    assert outcome.status == 0, outcome.out + outcome.err
    run = study_copy.parent / "run"
    assert command("evaluate", run).status == 0
    with_them, without = tables_of(demo.run), tables_of(run)
    assert {"flows.parquet", "stocks.csv", "coverage.csv", "linkage_quality.csv", "links.parquet"} <= set(without)
    assert any(name.startswith("evaluation/") for name in without)
    assert with_them == without


def test_sources_of_other_products_are_checked_and_pseudonymised_but_not_linked(demo):
    tables = demo.run / "tables"
    ledger = pl.read_parquet(tables / "ledger.parquet")
    for source, extracts in OTHER_PRODUCTS.items():
        of_source = ledger.filter(pl.col("source") == source)
        assert sorted(of_source["extract"]) == sorted(extracts)
        assert (of_source["rows_in"] > 0).all()
        # only broken rows, two in ten thousand
        assert int(of_source["quarantined"].sum()) <= 5 + 0.001 * int(of_source["rows_in"].sum())
        tokens = pl.read_parquet(tables / "tokens" / f"{source}.parquet")
        assert {"given_name", "date_of_birth"} <= set(tokens.columns)
        assert tokens["given_name"].dtype == pl.UInt64
    clusters = pl.read_parquet(tables / "clusters.parquet")
    assert not set(OTHER_PRODUCTS) & set(clusters["source"])
    evidence = pl.read_parquet(tables / "evidence.parquet")
    assert not set(OTHER_PRODUCTS) & set(evidence["source"])
