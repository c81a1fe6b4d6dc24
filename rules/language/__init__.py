"""The language of conditions in evidence rules: a text becomes tokens, tokens become typed SQL."""
