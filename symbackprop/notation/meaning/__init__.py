"""What the statements of a network file mean, in layers; each knows only those below it.

file         statements that wait, and how trouble gets its place
names        what is known of every name: declared shapes, labels, roles, plain numbers
shapes       shapes of defined names, forward to a fixpoint
equations    statements as equations over indices
"""
