"""The picture of the backward pass: the computation graph, with the derivatives that flow back."""

from __future__ import annotations

from symbackprop.sheets.blocks import Figure
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.diagram import FlowDiagram


def flow_figure(c: Composition) -> Figure:
    """The computation graph with its caption."""
    title = "".join(piece.text for piece in c.say("flow.title"))
    return Figure(FlowDiagram(c.derivation, title), c.say("flow.caption", loss=c.write.name(c.loss)), "-flow")
