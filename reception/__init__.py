"""Whether a delivery of extracts can be trusted: checked against its contracts and against the delivery before."""
