"""Tables in, documents out: report, charts, tables, words and the manifest. Nothing here estimates anything."""
