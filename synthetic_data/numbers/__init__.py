"""Numbers that every room needs: keyed random draws, days, labels, and arrays of runs and equal rows."""
