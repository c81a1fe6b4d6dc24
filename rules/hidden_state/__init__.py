"""Presence as a hidden state: a hidden Markov model of the signs that people give year by year, in NumPy alone.

`histories` are what is seen, `model` what is assumed, `expectation` and `fit` find the most likely values, `classes`
chooses how many classes of people there are, and `overlaps` refuses a model that does not reproduce the sources.
Source of the method: Brown, Matechou, Santos and Mussino, arXiv 2603.24643 (2026): registers that miss people who are
here, and keep people who have left; hidden classes of people. Fitted by EM (Baum, Petrie, Soules and Weiss 1970).
"""
