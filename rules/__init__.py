"""What records mean: evidence, stays and residence, from rules that a statistician edits."""
