"""Surveys of the simulated country, one module or two each: coverage survey, clerical review, passenger survey.

A survey is listed in `delivery/extracts.py`, like an institution, by the module that has `deliver(view)`.
"""
