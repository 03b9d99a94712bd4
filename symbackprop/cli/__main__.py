"""``python -m symbackprop.cli``."""

from symbackprop.cli import main

main(prog_name="symbackprop")
