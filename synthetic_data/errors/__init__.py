"""Errors that sources make: the catalogue of their rates, and how each is made."""
