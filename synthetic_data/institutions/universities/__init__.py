"""Universities: the student record, and courses without a change of address."""
