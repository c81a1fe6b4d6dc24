"""Lengths of stay on border crossings: every definition over one table of sorted crossings.

`crossings` are arrays, `presence` is a running sum of days in the country, a definition answers for each crossing
whether it lasts, and `residence` follows a person through those answers.
"""
