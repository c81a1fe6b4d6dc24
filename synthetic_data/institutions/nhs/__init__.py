"""The NHS: its postings, and the two registers of patients that follow from them."""
