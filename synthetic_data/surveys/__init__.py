"""Surveys of the simulated country: coverage, clerical review and passengers."""
