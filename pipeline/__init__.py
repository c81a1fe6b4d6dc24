"""Foundations: studies, source contracts, tables, ingest, pseudonyms, the store and publishing; no statistics."""
