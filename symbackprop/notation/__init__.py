"""Reading and writing mathematical notation: text <-> syntax tree <-> equations.

`source` finds the logical lines of a file, `lexer` and `parser` turn one into the tree of `syntax`.
"""
