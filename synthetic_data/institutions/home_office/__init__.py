"""The Home Office: permissions to stay, leave and citizenship, and the EU Settlement Scheme."""
