"""What institutions record of lives: one folder or module per institution, each in the layout of its extracts.

A module that delivers extracts has `deliver(view)`, and `delivery/extracts.py` lists it.
"""
