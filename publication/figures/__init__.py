"""The figures of the documents: each function selects the rows to draw, draws them and words the finding above them.

A new figure is a function that returns a `figure.Figure`, or None where its table has no rows; `report.py` or
`targets_page.py` places it in a section.
"""
