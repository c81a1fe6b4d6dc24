"""A simulated country whose truth is known, and sources that lie about it as real ones do."""
