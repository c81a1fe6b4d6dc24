"""The simulated country is compared with published figures."""
