"""Flows for those who run Sojourn on a schedule, under Prefect: the only modules that import it."""
