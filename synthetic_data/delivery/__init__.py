"""Files are delivered: extracts as they stand on the data date, in the layout of their year, with a study file."""
