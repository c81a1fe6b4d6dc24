"""Scenarios: differences from the baseline of the simulated country, one TOML file each."""
