"""Numbers for the whole simulator: keyed random draws, days, labels, and arrays of runs and equal rows."""
