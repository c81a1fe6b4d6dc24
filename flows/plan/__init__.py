"""What a run would do, before it does it: which stages are computed again and why, how much of what, how long."""
