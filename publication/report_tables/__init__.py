"""The tables of the documents: each function selects rows and words their cells, the interval next to its estimate.

A new table is a function that returns a `report_table.ReportTable`, or None where its source has no rows;
`report.py` or `targets_page.py` places it in a section.
"""
