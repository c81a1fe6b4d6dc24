"""Files are delivered: extracts as of the data date, in the layout of their year, in order, with a study file."""
