"""Figures of the documents (a new one goes here): the rows that a chart draws, and the finding above it in words.

A new figure is a function that returns a `figure.Figure`, or None where its table has no rows; `report.py` or
`targets_page.py` places it in a section.
"""
