"""Uncertainty by replicates: the estimates computed again with everything that is uncertain drawn at once."""
