"""Ingest: extract files are checked against their contracts, and what passes is pseudonymised."""
