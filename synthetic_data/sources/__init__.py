"""How each source sees the simulated lives: one module an institution, in the layout of its extracts."""
