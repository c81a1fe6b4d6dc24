"""Rules as data: which evidence records give, and what follows for the stays, migrations and residence of people."""
