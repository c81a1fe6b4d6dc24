"""Ingest: extract files are checked against their contracts, and accepted rows are pseudonymised.

Where things go:

- a new source, or a new column, code or layout of a source: `source_contracts/SOURCE.toml`, and no Python;
- a code list that several contracts share: `source_contracts/code_lists.toml`;
- a new key that contracts can give a column: `columns.py`; an extract or a version: `extract_contract.py`;
- a new check of a value: `check.py`; of a row across columns: a model beside `order_check.py`;
- another way to write a day: `days.py`; a new form of file: `read_extract.py`;
- what a study's own contract can state of a shipped source: `extends.py`;
- a new standard form of a value: `standardise.py`; a new token: `pseudonymise.py`;
- a warning about a file: `ledger.py`.
"""
