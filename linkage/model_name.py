"""The name of the model of two sources: of its file, and in the study."""


def model_name(left: str, right: str) -> str:
    """Return the name of the model of two sources."""
    return f"{left}-{right}"
