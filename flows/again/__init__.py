"""Runs made again: `compare` two of them, `verify` one, `reproduce` one on its own commit."""
