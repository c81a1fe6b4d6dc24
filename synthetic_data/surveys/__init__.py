"""Surveys of the simulated country, one module or two each: coverage survey, clerical review, passenger survey."""
