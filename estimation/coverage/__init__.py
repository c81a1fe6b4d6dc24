"""Coverage: how many residents there are for each person counted, estimated from the coverage survey."""
