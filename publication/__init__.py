"""Tables in, documents out: the report, the page of targets, CSV tables, the README's picture. Estimates nothing.

Where new things go:

- a kind of chart: `charts/` (plain rows in, a Vega-Lite specification out);
- a figure of a document, which rows it draws and the sentence above it: `figures/`;
- a table of a document: `report_tables/`;
- how a number, a period or a group of people is worded: `words.py`;
- which rows of the published tables are shown: `row_selection.py`;
- a section of the report: `report.py`; of the page of targets: `targets_page.py`; their layout: `templates/`;
- the stage that publishes: `publish.py`; the manifest: `manifest.py`; what a run folder shows: `run_folder.py`.
"""
