"""Kinds of chart (a new kind goes here): each function turns plain rows into a Vega-Lite specification.

Charts know nothing of tables, measures' findings or documents: those are the business of `publication.figures`.
"""
