"""Universities: the student record, and courses that change nobody's address."""
