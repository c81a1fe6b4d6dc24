"""The truth of every life under every definition, written for scoring alone."""
