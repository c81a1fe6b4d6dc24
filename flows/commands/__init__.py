"""The verbs of the `sojourn` command: one verb, one function that reads like a table of contents."""
