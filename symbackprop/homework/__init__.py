"""Marking homework: what a student writes is read, computed with, compared, and explained.

`answers` finds and reads statements, `values` computes with them, `judging` compares every link, `mistakes` explains
the first wrong one, `marking` is for classes; `code` judges gradient code; `records` are the words of all of them.
"""
