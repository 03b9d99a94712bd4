"""From syntax trees to numbers: `world` has the numbers of a network, `indexed` those of its equations, `interpreter`
those of an answer; `sizes` makes sizes small and different, `functions` are the functions, `given` takes the user's
numbers.
"""
