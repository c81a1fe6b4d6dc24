"""The simulated country is compared with published figures: the figures, and how to measure each in a study."""
