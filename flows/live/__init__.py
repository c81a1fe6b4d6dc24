"""Runs that go live: written beside the one that is live, audited, and only then published in its place."""
