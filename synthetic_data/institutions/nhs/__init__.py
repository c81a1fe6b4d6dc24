"""The NHS: everything it posts about people, and the two patient registers that follow from the postings."""
