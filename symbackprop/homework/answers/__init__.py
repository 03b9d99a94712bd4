"""From a handed-in text to syntax trees: `source` finds statements, `reading` parses them, `names` says what names
mean, `echo` shows what was read.
"""
