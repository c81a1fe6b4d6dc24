"""Foundations: studies, stages, the store, tables, keys and ingest; no statistics."""
