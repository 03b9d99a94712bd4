"""Judging one text: what each statement is about, whether each link holds, which conventions a file keeps.

`targets` says what a left side is about, `links` compares the expressions of a chain, `tolerance` says when numbers
agree, `conventions` finds the reading under which a file is right, `follow` asks whether an answer follows from an
earlier one.
"""
