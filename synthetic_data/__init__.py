"""A simulated country whose truth is known, and sources that record it with the errors of real ones."""
