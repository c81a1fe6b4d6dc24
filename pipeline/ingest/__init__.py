"""Ingest: extract files are checked against their contracts, and accepted rows are pseudonymised.

Where things go:

- a new source, or a new column, code or layout of a source: `source_contracts/SOURCE.toml`, and no Python;
- a code list that several contracts share: `source_contracts/code_lists.toml`;
- a new key that contracts can give a column: `columns.py`; an extract or a version: `extract_contract.py`;
- a new check of a value: `check.py`; a new form of file: `read_extract.py`;
- a new standard form of a value: `standardise.py`; a new token: `pseudonymise.py`;
- a warning about a file: `ledger.py`.
"""
