"""From counts of people to estimates with intervals: coverage, flows and one coherent account."""
