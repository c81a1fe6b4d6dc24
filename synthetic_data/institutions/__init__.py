"""What institutions record of lives: a folder or a module each, and what several of them share.

A module that delivers extracts has `deliver(view)`, and `delivery/extracts.py` lists it.
"""
