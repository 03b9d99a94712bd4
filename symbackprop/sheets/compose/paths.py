"""The backward pass path by path: for every parameter the chain of partials, the reasons, the result.

Contract: reads `Gradient.paths` only; parameters that act through the same neuron share one table of factors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symbackprop.derivation import Gradient, Link, Path
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import (
    NOTHING,
    Block,
    Details,
    Formula,
    Heading,
    Line,
    Math,
    Note,
    Paragraph,
    Row,
    Table,
)
from symbackprop.sheets.breaking import ROOM, Atom, broken, broken_product, packed, rows
from symbackprop.sheets.compose.chains import chain_rule
from symbackprop.sheets.compose.composition import Composition, Group
from symbackprop.sheets.compose.flow import flow_figure
from symbackprop.sheets.compose.functions import applied_functions, derivative_row
from symbackprop.sheets.compose.reasons import reason
from symbackprop.sheets.mathematics import IS, THIN
from symbackprop.sheets.width import width

SHOWN_PATHS = 12
"""Up to this many paths of one parameter are drawn one by one."""
LISTED = 5
"""Up to this many factors that are known already are listed."""
FROM_ROOM = 15.0
"""The widest equation in a table of factors, in em."""


def backward_by_paths(c: Composition) -> Iterator[Block]:
    """The whole section."""
    yield Heading(2, c.say("backward.heading"))
    if c.full:
        yield from chain_rule(c)
        yield Paragraph(c.say("paths.intro", loss=c.write.name(c.loss)))
        yield flow_figure(c)
        derivatives = [derivative_row(c, f) for f in applied_functions(c)]
        if derivatives:
            yield Paragraph(c.say("backward.functions" if len(derivatives) == 1 else "backward.functions_many"))
            yield Formula(tuple(derivatives))
    seen: set[tuple[Quantity, Quantity]] = set()
    for group in c.groups:
        yield from _group(c, group, seen)
    for quantity in c.idle:
        yield Paragraph(c.say("backward.idle", parameter=c.write.name(quantity), loss=c.write.name(c.loss)))


def _group(c: Composition, group: Group, seen: set[tuple[Quantity, Quantity]]) -> Iterator[Block]:
    yield Heading(3, group_heading(c, group))
    links = _links(c, group)
    if c.full:
        yield from _way_to_the_loss(c, group)
        known = [link for link in links if (link.upper, link.lower) in seen]
        new = [link for link in links if (link.upper, link.lower) not in seen]
        partials = [c.write.slashed(c.write.name(link.upper), c.write.name(link.lower)) for link in known]
        if len(known) > LISTED:
            yield Paragraph(c.say("factors.rest"))
        else:
            listed = c.say.listed(partials)
            yield Paragraph(c.say("factors.more", known=listed) if known else c.say("factors.intro"))
        yield factor_table(c, new)
        yield from _slip(c, links, seen)
    seen |= {(link.upper, link.lower) for link in links}
    for quantity in group.parameters:
        yield from _gradient(c, c.gradient(quantity), drawn=len(group.through) == 1 and group.nearest != c.loss)


def group_heading(c: Composition, group: Group) -> Line:
    """The neuron and its parameters, or the parameters that several places share."""
    parameters, through = c.names(group.parameters), c.names(group.through)
    if len(group.through) > 1:
        return c.say("group.shared", parameters=parameters, through=through)
    neuron = c.part(group.nearest) == "sum"
    return c.say("group.neuron" if neuron else "group.through", parameters=parameters, through=through)


def _links(c: Composition, group: Group) -> list[Link]:
    """Every arrow between the loss and the parameters of a group, once, from the loss back."""
    found: dict[tuple[Quantity, Quantity], Link] = {}
    for quantity in group.parameters:
        for path in c.gradient(quantity).paths:
            for link in path.links:
                found.setdefault((link.upper, link.lower), link)
    order = {e.base: n for n, e in enumerate(c.derivation.network.equations)}
    return sorted(found.values(), key=lambda link: (-order[link.upper.base], link.lower in group.parameters))


def _way_to_the_loss(c: Composition, group: Group) -> Iterator[Block]:
    """Where the parameters of a group act, and how that reaches the loss."""
    names, places = c.names(group.parameters), c.names(group.through)
    if len(group.through) > 1:
        yield Paragraph(c.say("paths.shared", parameters=names, count=len(group.through), places=places))
        return
    if group.nearest == c.loss:
        yield Paragraph(c.say("paths.in_loss", parameters=names, loss=places))
        return
    onward = c.gradient(group.nearest).paths
    said = c.say("paths.act_one" if len(group.parameters) == 1 else "paths.act_many", parameters=names, through=places)
    if len(onward) == 1:
        yield Paragraph(said + c.say("paths.single", path=c.write.path(onward[0].quantities)))
        return
    yield Paragraph(said + c.say("paths.several", count=len(onward)))
    if len(onward) <= SHOWN_PATHS:
        yield _drawn(c, *onward)


def _drawn(c: Composition, *paths: Path) -> Formula:
    """Paths as arrows from quantity to quantity."""
    return Formula(tuple(Row(NOTHING, c.write.path(path.quantities), NOTHING) for path in paths))


def factor_table(c: Composition, links: Sequence[Link]) -> Table:
    """One row for each arrow: the partial derivative, the equation it comes from, its value, and why."""
    body = tuple(
        (
            (c.write.slashed(c.write.name(link.upper), c.write.name(link.lower)),),
            (_source(c, link),),
            (c.write.product(c.chosen(link.factors)) if link.factors else Math("1", "1"),),
            reason(c, link),
        )
        for link in links
    )
    header = tuple(c.say(f"factors.{name}") for name in ("factor", "from", "is", "because"))
    return Table(header, body, wide=3)


def _source(c: Composition, link: Link) -> Math:
    """The equation a factor comes from; of a long sum only the terms that matter."""
    left = c.write(link.equation.target) + IS
    whole = left + c.write(link.equation.expression)
    if width(whole.latex) <= FROM_ROOM or not link.equation.expression.is_Add:
        return whole
    dots = Math(r"\dots", "…")
    terms = [t for t in link.equation.expression.args if link.lower.base in t.free_symbols]
    if len(terms) != 1:
        return whole
    term, first = c.write(terms[0]), terms[0] == link.equation.expression.args[0]
    last = terms[0] == link.equation.expression.args[-1]
    plus = Math(" + ", " + ")
    return left + (NOTHING if first else dots + plus) + term + (NOTHING if last else plus + dots)


def _slip(c: Composition, links: Sequence[Link], seen: set[tuple[Quantity, Quantity]]) -> Iterator[Block]:
    """The mistake that is commonly made at this place; each is mentioned once."""
    activation = next(
        (link for link in links if c.is_activation(link.equation) and (link.upper, link.lower) not in seen),
        None,
    )
    if activation is None:
        return
    if not seen:
        output, argument = activation.upper.base, activation.lower.base
        short = tuple(c.derivation.by_output(f) for f in activation.factors)
        if short != activation.factors:
            wrong = tuple(f.xreplace({argument: output}) for f in activation.factors)
            yield Note(
                c.say("slip.label"),
                c.say(
                    "slip.argument",
                    right=c.write.product(activation.factors),
                    short=c.write.product(short),
                    wrong=c.write.product(wrong),
                    outer=c.write.name(activation.upper),
                ),
            )
    elif sum(c.part(upper) in ("activation", "output") for upper, _ in seen) == 1:
        yield Note(
            c.say("slip.label"),
            c.say(
                "slip.twice",
                factor=c.write.slashed(c.write.name(activation.upper), c.write.name(activation.lower)),
            ),
        )


def _gradient(c: Composition, gradient: Gradient, *, drawn: bool) -> Iterator[Block]:
    """Chain and result of one parameter; in brief only the two formulas.

    Several paths are drawn unless the group has `drawn` them.
    """
    quantity, paths = gradient.quantity, gradient.paths
    left = c.write(gradient.symbol)
    chain = Formula(tuple(rows(left, _chains(c, paths))))
    result = Formula(tuple(_result(c, gradient, left)), boxed=True)
    if not c.full:
        yield from (chain, result)
        return
    name, count = c.write.name(quantity), len(paths)
    way: tuple[Block, ...] = ()
    if count > 1 and not drawn:
        way = (Paragraph(c.say("paths.sum", parameter=name, loss=c.write.name(c.loss), count=count)),)
        way += (_drawn(c, *paths),) if count <= SHOWN_PATHS else ()
    yield Details(c.say("paths.gradient", parameter=name), (*way, chain, result), level=4)


def _chains(c: Composition, paths: Sequence[Path]) -> list[Math]:
    """The product of partials along each path, one path a line."""
    lines: list[Math] = []
    for path in paths:
        if (
            len(paths) > 1 and len(path.links) == 1
        ):  # in the loss itself: its derivative would be written like the left side
            atoms = [Atom(c.write.product(c.chosen(path.links[0].factors)))]
        else:
            atoms = [
                Atom(
                    c.write.partial(link.upper.entry, link.lower.entry),
                    THIN if n else NOTHING,
                    Math(r"\quad \cdot ", "  · "),
                )
                for n, link in enumerate(path.links)
            ]
        product = packed(atoms, ROOM - 6)
        if lines:
            product[0] = Math(r"{} + ", "+ ") + product[0]
        lines += product
    return lines


def _result(c: Composition, gradient: Gradient, left: Math) -> list[Row]:
    room = ROOM - 4 - width(left.latex)
    if len(gradient.terms) == 1:
        return rows(left, broken_product(c.write, c.chosen(gradient.terms[0].factors), room))
    return rows(left, broken(c.write, gradient.result, room))
