"""One file a form of stay rule: evidence of people in, spells of presence out."""
