"""Runs by other rules: sweeps over parameters, sensitivity, and what makes the difference between two runs.

Nobody is linked again, and nothing in a run changes. `run_rules` reads the rules of a run, `estimates` gives the
figures of a variant, `grid` says which variants there are; each verb has a module of its own.
"""
