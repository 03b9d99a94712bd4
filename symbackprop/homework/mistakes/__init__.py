"""Explaining a wrong answer: the derivation is changed as students change it, until the numbers match.

`formulas` writes the derivation as syntax trees, `mutations` lists what students do to them, `diagnosis` finds the
change.
"""
