"""Files to link whose true matches are known, unlike those of the country: their own names, columns and mistakes."""
