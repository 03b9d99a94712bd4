"""Hypothesis: no deadline, for SymPy's first calls are slow; where CI is set, always the same examples."""

import os

from hypothesis import settings

settings.register_profile("symbackprop", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("symbackprop")
