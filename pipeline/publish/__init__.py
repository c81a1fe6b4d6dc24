"""Publication: tables in, documents out. Nothing here estimates anything."""
