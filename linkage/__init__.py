"""Record linkage: from subjects of sources to people, on pseudonyms alone."""
