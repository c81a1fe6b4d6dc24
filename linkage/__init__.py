"""Record linkage: from subjects of sources to people, on pseudonyms alone.

The way of the data is `link.py`: direct identifiers, match-keys, then models of every two sources that share enough:
candidate pairs by blocking rules, one comparison of all pairs, models trained on them, probabilities, clusters, and
the quality of links. Nothing here is written for a particular source: what is compared follows from what sources
record, and who is linked with whom from `plan.toml` and the study. Method and limits: `docs/linkage.md`.
"""
