"""The verbs of the `sojourn` command, by what they are about: one verb, one function that reads like a table of contents."""
