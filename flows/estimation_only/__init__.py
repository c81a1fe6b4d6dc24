"""Estimation repeated alone: its inputs drawn around one truth, at the rates at which links and rules are wrong."""
