"""What institutions record of lives: one folder or module per institution, each in the layout of its extracts."""
