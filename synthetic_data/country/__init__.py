"""The country in which lives happen: rates, geography, names, and their tables."""
