"""The picture of a network, from its equations alone, in every drawing language.

Contract: `Diagram(derivation)` draws itself as SVG, TikZ, Mermaid, DOT and plain text; so does, but for DOT,
`FlowDiagram(derivation)`, the computation graph with the derivatives that flow back.
"""

from __future__ import annotations

from functools import cached_property

from symbackprop.derivation import Derivation
from symbackprop.sheets.diagram.flow import FlowGraph, flow_graph
from symbackprop.sheets.diagram.flow_drawn import flow_mermaid, flow_svg, flow_text, flow_tikz, shrunk
from symbackprop.sheets.diagram.flow_layout import FlowDrawing, flow_layout
from symbackprop.sheets.diagram.graph import Graph, network_graph
from symbackprop.sheets.diagram.layout import Drawing, layout
from symbackprop.sheets.diagram.source import dot, mermaid, plain
from symbackprop.sheets.diagram.svg import svg
from symbackprop.sheets.diagram.tikz import tikz

TELEPHONE = 380.0
"""A picture that is not wider stands on a telephone as it is."""
READABLE = 0.7
"""A picture that would be shrunk more than that is drawn from the top down, where that is larger."""
SCREEN = 760.0, 1100.0
"""The room for a picture on a page of HTML, in points."""

__all__ = ["Diagram", "FlowDiagram"]


class Diagram:
    """The network as a picture; `title` is read out by screen readers."""

    def __init__(self, derivation: Derivation, title: str = "") -> None:
        self._derivation, self.title = derivation, title

    @cached_property
    def graph(self) -> Graph:
        """Neurons in columns and the arrows between them."""
        return network_graph(self._derivation)

    @cached_property
    def _drawing(self) -> Drawing:
        return layout(self.graph)

    def svg(self) -> str:
        """A self-contained SVG element, light and dark."""
        return svg(self._drawing, self.title)

    def narrow_svg(self) -> str:
        """The same for a narrow screen: from the top down, where that is narrower."""
        upright = layout(self.graph, down=True)
        return self.svg() if self._drawing.width <= max(TELEPHONE, upright.width) else svg(upright, self.title, "nd")

    def tikz(self) -> str:
        """A picture for LaTeX."""
        return tikz(self._drawing)

    def mermaid(self) -> str:
        """A flow chart for GitHub's Markdown."""
        return mermaid(self.graph)

    def dot(self) -> str:
        """A graph for Graphviz."""
        return dot(self.graph, self.title)

    def text(self) -> str:
        """Lines of text for a terminal."""
        return plain(self.graph)


class FlowDiagram:
    """The computation graph with the derivatives flowing back; `title` is read out by screen readers."""

    def __init__(self, derivation: Derivation, title: str = "") -> None:
        self._derivation, self.title = derivation, title

    @cached_property
    def graph(self) -> FlowGraph:
        """Every quantity with its adjoint, and the arrows between them."""
        return flow_graph(self._derivation)

    @cached_property
    def _drawing(self) -> FlowDrawing:
        return flow_layout(self.graph)

    @cached_property
    def _upright(self) -> FlowDrawing:
        return flow_layout(self.graph, down=True)

    @property
    def _wide(self) -> FlowDrawing:
        """From left to right while that can be read on a screen."""

        def scale(drawing: FlowDrawing) -> float:
            return min(SCREEN[0] / drawing.width, SCREEN[1] / drawing.height, READABLE)

        return max(self._drawing, self._upright, key=scale)

    def svg(self) -> str:
        """A self-contained SVG element, light and dark."""
        return flow_svg(self._wide, self.title)

    def narrow_svg(self) -> str:
        """The same for a narrow screen: from the top down, where that is narrower."""
        upright, wide = self._upright, self._wide
        return self.svg() if wide.width <= max(TELEPHONE, upright.width) else flow_svg(upright, self.title, "fd")

    def tikz(self) -> str:
        """A picture for LaTeX."""
        return flow_tikz(max(self._drawing, self._upright, key=lambda drawing: min(shrunk(drawing), READABLE)))

    def mermaid(self) -> str:
        """A flow chart for GitHub's Markdown."""
        return flow_mermaid(self.graph)

    def text(self) -> str:
        """Lines of text for a terminal."""
        return flow_text(self.graph)
