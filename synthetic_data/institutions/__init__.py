"""What institutions see of lives: one folder or module an institution, in the layout of its extracts."""
