"""From subjects of sources to people, on pseudonyms alone."""
