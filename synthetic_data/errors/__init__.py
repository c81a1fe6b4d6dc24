"""Errors creep in: the catalogue of errors, and how each is made."""
