"""Simulated demographic accounts with known truth: stocks and flows of areas, reported with shared and own errors."""
