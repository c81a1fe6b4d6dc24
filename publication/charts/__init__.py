"""The kinds of chart: each function turns plain rows into a Vega-Lite specification; `svg.draw` renders it.

Charts know nothing of tables, measures' findings or documents: those are the business of `publication.figures`.
"""
