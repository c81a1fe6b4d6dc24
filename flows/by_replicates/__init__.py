"""The verb `replicates`: the intervals of a finished run by replicates, beside those that it publishes."""
