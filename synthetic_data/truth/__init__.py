"""The truth of every life under every definition, used only for scoring."""
