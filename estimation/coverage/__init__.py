"""Coverage: how many residents there are for each person counted, from the coverage survey."""
