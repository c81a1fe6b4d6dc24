"""One person explained from a run's tables: the timeline, what decided, by how much, and what would change it."""
