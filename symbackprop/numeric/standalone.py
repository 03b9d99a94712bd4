"""A derivation as a Python module of its own that imports only NumPy.

Contract: `standalone_source(derivation)` is a module that a person would maintain: its equations on top, then
``loss_and_gradients(params, data)`` with the lines of the program, on demand ``train``, and a small
demonstration.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from symbackprop.derivation import Derivation
from symbackprop.network import Quantity
from symbackprop.numeric import standalone_arrays as arrays
from symbackprop.numeric.initialise import standard_deviations
from symbackprop.numeric.program import Program, compile_program
from symbackprop.numeric.source import docstring, equations, indented, module_head, quoted, statements


def standalone_source(derivation: Derivation, train: bool = False) -> str:
    """The source of a module that computes, and with `train` also trains, the network.

    Raises:
        NetworkError: something in the network cannot be written in NumPy.
    """
    program = compile_program(derivation)
    parts = [
        _docstring(program),
        module_head(program.lines),
        *_tables(program),
        "\n\n",
        _loss_and_gradients(program),
    ]
    if program.network.is_scalar:
        start, loop, demonstration = _initial_parameters(program), TRAIN, _demonstration(program, train)
    else:
        parts.insert(-2, arrays.tables(program))
        start, loop = arrays.initial_parameters(program), arrays.batches(TRAIN)
        demonstration = arrays.demonstration(program, train)
    if train:
        parts += ["\n\n", start, "\n\n", loop]
    parts += ["\n\n", demonstration]
    return "".join(parts)


def _docstring(program: Program) -> str:
    network = program.network
    title = network.title or f"A network with the loss {network.names[network.loss.base].plain}"
    lines = [
        docstring(title.rstrip(".")) + ".",
        "",
        *(f"    {docstring(e)}" for e in equations(network)),
        "",
        f"Derived by symbackprop {version('symbackprop')}; needs only NumPy.",
    ]
    return '"""' + "\n".join(lines) + '\n"""\n'


def _names(program: Program, *roles: str) -> list[Quantity]:
    return [q for q in program.plan.arguments if q.role in roles]


def _tables(program: Program) -> Iterator[str]:
    for head, roles in (("PARAMETERS", ("parameter",)), ("DATA", ("input", "target", "constant"))):
        names = [quoted(q.name.plain) for q in _names(program, *roles)]
        rows = [", ".join(names[n : n + 10]) for n in range(0, len(names), 10)]
        if len(rows) < 2:
            yield f"{head} = ({rows[0] if rows else ''}{',' if len(names) == 1 else ''})\n"
        else:
            yield f"{head} = (\n" + "".join(f"    {row},\n" for row in rows) + ")\n"


_EXPLAINED = (
    '"""The mean loss over the samples and its gradient for every parameter.',
    "",
    "`params` maps the names in PARAMETERS to numbers, `data` those in DATA to numbers or to arrays",
    "with one number for each sample.",
    '"""',
)
_EXPLAINED_ARRAYS = (
    '"""The loss and its gradient for every parameter.',
    "",
    "`params` maps the names in PARAMETERS, `data` those in DATA to arrays; sizes are read from them.",
    '"""',
)


def _loss_and_gradients(program: Program) -> str:
    identifiers = program.plan.identifiers
    body = [
        *(_EXPLAINED if program.network.is_scalar else _EXPLAINED_ARRAYS),
    ]
    for source, roles in (("params", ("parameter",)), ("data", ("input", "target", "constant"))):
        body += [f"{identifiers[q.base]} = {source}[{quoted(q.name.plain)}]" for q in _names(program, *roles)]
    body += statements(program.lines)
    body.append("gradients = {")
    body += [f"    {quoted(plain)}: {identifiers[base]}," for plain, base in program.plan.gradients.items()]
    if not program.network.is_scalar:
        body += ["}", f"return float({identifiers[program.plan.loss]}), gradients"]
        return "def loss_and_gradients(params, data):\n" + indented(body) + "\n"
    body += [
        "}",
        f"return float(np.mean({identifiers[program.plan.loss]})), "
        "{name: np.mean(gradient) for name, gradient in gradients.items()}",
    ]
    return "def loss_and_gradients(params, data):\n" + indented(body) + "\n"


def _initial_parameters(program: Program) -> str:
    spread = standard_deviations(program.network)
    body = [
        '"""Weights from a normal distribution, scaled by what their unit adds up; biases zero."""',
        "draw = np.random.default_rng(seed)",
        "return {",
    ]
    for quantity in program.network.parameters:
        deviation = spread[quantity.base]
        value = f"{deviation!r} * draw.standard_normal()" if deviation else "0.0"
        body.append(f"    {quoted(quantity.name.plain)}: {value},")
    return "def initial_parameters(seed=0):\n" + indented([*body, "}"]) + "\n"


TRAIN = '''\
def train(params, data, rate=0.5, epochs=1000, batch_size=None, seed=0, tol=None,
          validation=None, patience=None):
    """Gradient descent: every update uses gradients at the old parameters, all parameters at once.

    Stops after `epochs`, when the mean cost falls below `tol`, or when the cost of the `validation`
    data has not improved for `patience` epochs; with `patience` the best parameters are returned.
    Returns the parameters, the mean cost of every epoch, and the reason for the stop.
    """
    data = {name: np.asarray(value) for name, value in data.items()}
    validation = {name: np.asarray(value) for name, value in (validation or {}).items()}
    samples = max((len(value) for value in data.values() if value.ndim), default=1)
    size = min(batch_size or samples, samples)
    draw = np.random.default_rng(seed)
    losses, best, least, waited = [], params, np.inf, 0
    for _ in range(epochs):
        order = np.arange(samples) if size == samples else draw.permutation(samples)
        total = 0.0
        for start in range(0, samples, size):
            chosen = order[start:start + size]
            batch = {name: value[chosen] if value.ndim else value for name, value in data.items()}
            loss, gradients = loss_and_gradients(params, batch)
            if not np.isfinite(loss):
                return params, losses, "diverged"
            total += loss * len(chosen)
            if size == samples and tol is not None and loss < tol:
                break
            params = {name: value - rate * gradients[name] for name, value in params.items()}
        losses.append(total / samples)
        if tol is not None and losses[-1] < tol:
            return params, losses, "tol"
        if validation:
            cost, _ = loss_and_gradients(params, validation)
            if cost < least:
                best, least, waited = params, cost, 0
            else:
                waited += 1
            if patience is not None and waited >= patience:
                return best, losses, "patience"
    return (params if patience is None else best), losses, "epochs"
'''


def _demonstration(program: Program, train: bool) -> str:
    body = [
        "draw = np.random.default_rng(0)",
        "data = {name: draw.uniform(0.1, 0.9, size=8) for name in DATA}",
    ]
    if train:
        body += [
            "params, losses, reason = train(initial_parameters(), data, rate=0.1, epochs=200)",
            'print(f"mean loss {losses[0]:.6g} -> {losses[-1]:.6g}, stopped because of {reason}")',
        ]
    else:
        body += [
            "params = {name: draw.uniform(0.1, 0.9) for name in PARAMETERS}",
            "loss, gradients = loss_and_gradients(params, data)",
            'print(f"loss {loss:.6g}")',
            "for name, gradient in gradients.items():",
            f'    print(f"d{program.network.names[program.plan.loss].plain}/d{{name}} = {{gradient:.6g}}")',
        ]
    return 'if __name__ == "__main__":\n' + indented(body) + "\n"
