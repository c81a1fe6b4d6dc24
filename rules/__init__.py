"""Rules as data: what records say, and what follows for people's stays, migrations and residence."""
