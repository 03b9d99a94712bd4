"""Statements: equations with ranges and chains, declarations, several on a line; the vocabulary of a file."""

import pytest

from symbackprop.errors import NotationError
from symbackprop.names import parse_name
from symbackprop.notation.parser import Vocabulary, collect_vocabulary, parse_statement, parse_statements
from symbackprop.notation.source import Line, read_lines
from symbackprop.notation.syntax import (
    Assumption,
    Call,
    Compare,
    Divide,
    Equation,
    FunctionIs,
    Gradient,
    Limits,
    Matrix,
    Norm,
    Partial,
    Power,
    Roles,
    Shape,
    Statement,
    Title,
    Transpose,
    Value,
)
from tests.notation.trees import (
    add,
    bracket,
    call,
    compare,
    limits,
    mul,
    neg,
    num,
    paren,
    ref,
    sub,
    sup,
    total,
    where,
)

NAMES = "x y z a b E L W w_21 out delta alpha_1 m"
KNOWN = Vocabulary.of(*NAMES.split(), families=[("A", "bracket")])


def equation(left: str, right: object, *ranges: Limits) -> Equation:
    return Equation(ref(left), (right,), ("=",), ranges)  # type: ignore[arg-type]


EQUATIONS: list[tuple[str, tuple[Statement, ...]]] = [
    ("z = w x + b", (equation("z", add(mul("w", "x"), "b")),)),
    ("z &= w x + b \\\\", (equation("z", add(mul("w", "x"), "b")),)),
    ("$z = x$.", (equation("z", ref("x")),)),
    (r"\boxed{z = x}", (equation("z", ref("x")),)),
    ("z = x, a = b", (equation("z", ref("x")), equation("a", ref("b")))),
    ("z = x; a = b", (equation("z", ref("x")), equation("a", ref("b")))),
    (r"z = x \quad a = b", (equation("z", ref("x")), equation("a", ref("b")))),
    (r"z = x \Rightarrow a = b", (equation("z", ref("x")), equation("a", ref("b")))),
    ("z = x and a = b", (equation("z", ref("x")), equation("a", ref("b")))),
    ("Then z = x", (equation("z", ref("x")),)),
    ("M = z > 0", (equation("M", where("z", ">", 0)),)),
    ("a^2 = x", (Equation(Power(ref("a"), num(2)), (ref("x"),), ("=",)),)),
    (
        "a = b = c",
        (Equation(ref("a"), (ref("b"), ref("c")), ("=", "=")),),
    ),
    (r"a = b \approx 0.5", (Equation(ref("a"), (ref("b"), num("1/2")), ("=", "≈")),)),
    (r"a = b \\ &= c", (Equation(ref("a"), (ref("b"), ref("c")), ("=", "=")),)),
    (
        r"W := W - \eta dW",
        (Equation(ref("W"), (add("W", neg(mul("eta", Gradient("d", ref("W"))))),), (":=",)),),
    ),
    (r"W \leftarrow x", (Equation(ref("W"), (ref("x"),), (":=",)),)),
    (
        r"L(y, \hat{y}) = (y - \hat{y})^2",
        (Equation(ref("L"), (Power(add("y", neg("yhat")), num(2)),), ("=",), (), (ref("y"), ref("yhat"))),),
    ),
    (
        r"\triangle w_{21} = \frac{\partial E}{\partial w_{21}} = (out - y) \alpha_1",
        (
            Equation(
                Gradient("triangle", ref("w_21")),
                (Partial(ref("E"), ref("w_21")), mul(add("out", neg("y")), "alpha_1")),
                ("=", "="),
            ),
        ),
    ),
    (
        r"dW = \delta x^T, where \delta = a - y",
        (
            Equation(
                Gradient("d", ref("W")),
                (mul("delta", Transpose(ref("x"))),),
                ("=",),
                where=(equation("delta", add("a", neg("y"))),),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), EQUATIONS, ids=[text for text, _ in EQUATIONS])
def test_equations(text: str, expected: tuple[Statement, ...]) -> None:
    assert parse_statements(text, KNOWN) == expected


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (" for i = 1..H, j = 1..W", (limits("i", 1, "H"), limits("j", 1, "W"))),
        (r" \text{ for } i = 1, \dots, n", (limits("i", 1, "n"),)),
        (r", \quad i = 1, \dots, n", (limits("i", 1, "n"),)),
        (r", i=1,2,\ldots,n", (limits("i", 1, "n"),)),
        (" (i = 1..n)", (limits("i", 1, "n"),)),
        (r" \qquad (i = 1, \ldots, n)", (limits("i", 1, "n"),)),
        (r" \forall i", (limits("i"),)),
        (r" \forall i, j", (limits("i"), limits("j"))),
        (" for all i = 1..n", (limits("i", 1, "n"),)),
        (" for each i in 1..n", (limits("i", 1, "n"),)),
        (r" for i \in \{1, \dots, n\}", (limits("i", 1, "n"),)),
        (" for i = 1 to n", (limits("i", 1, "n"),)),
        (" for i = 1:n", (limits("i", 1, "n"),)),
        (" for i, j = 1..n", (limits("i", 1, "n"), limits("j", 1, "n"))),
        (r" for 1 \le i \le n", (limits("i", 1, "n"),)),
        (r" for i = L-1, \dots, 1", (limits("i", 1, add("L", neg(1))),)),
        (" for i = 2..n_0, j = 3", (limits("i", 2, "n_0"), limits("j", 3))),
        (" 对 i = 1..n".replace("对", r"\text{对}"), (limits("i", 1, "n"),)),
    ],
)
def test_ranges(tail: str, expected: tuple[Limits, ...]) -> None:
    statement = parse_statement("u_{ij} = v_{ij}" + tail)
    assert isinstance(statement, Equation)
    assert statement.ranges == expected
    assert statement.right == ref("v", sub("i", "j"))


def shape(names: str, *sizes: object, labels: tuple[object, object] | None = None) -> Shape:
    return Shape(tuple(map(ref, names.split())), sizes, labels)  # type: ignore[arg-type]


DECLARATIONS: list[tuple[str, tuple[Statement, ...]]] = [
    (r"X \in \mathbb{R}^{n \times m}", (shape("X", ref("n"), ref("m")),)),
    *((f"X {rest}", (shape("X", ref("n"), ref("m")),)) for rest in ("in R^(n x m)", "∈ ℝ^{n×m}", "in R^{nxm}")),
    *((f"X {rest}", (shape("X", ref("n"), ref("m")),)) for rest in ("in R^(n, m)", r"\in ℝⁿˣᵐ", "in R^{n*m}")),
    ("X in R^(2x3)", (shape("X", num(2), num(3)),)),
    (r"x \in \mathbb R^n", (shape("x", ref("n")),)),
    (r"x \in \mathbb{R}", (shape("x"),)),
    ("x, h in R^n, W in R^(n x m)", (shape("x h", ref("n")), shape("W", ref("n"), ref("m")))),
    ("x in R^n, W, U in R^(n x m)", (shape("x", ref("n")), shape("W U", ref("n"), ref("m")))),
    (
        r"W^{[l]} \in \mathbb{R}^{n_l \times n_{l-1}}",
        (
            Shape(
                (ref("W", bracket("l")),),
                (ref("n", sub("l")), ref("n", sub(add("l", neg(1))))),
            ),
        ),
    ),
    ("y in {0..C-1}^m", (shape("y", ref("m"), labels=(num(0), add("C", neg(1)))),)),
    (r"y \in \{0..2\}^{m}", (shape("y", ref("m"), labels=(num(0), num(2))),)),
    (r"y \in \{0, 1\}^m", (shape("y", ref("m"), labels=(num(0), num(1))),)),
    (r"y \in \{0, 1, \dots, 9\}^m", (shape("y", ref("m"), labels=(num(0), num(9))),)),
    (r"y \in \{-1, 1\}^m", (shape("y", ref("m")),)),
    ("p in [0, 1]^n", (shape("p", ref("n")),)),
    (r"s \in \mathbb{R}_{+}^{n}", (shape("s", ref("n")),)),
    ("inputs: x_1, x_2", (Roles("inputs", (ref("x_1"), ref("x_2"))),)),
    ("Parameters: w_{11} w_{12}, b", (Roles("parameters", (ref("w_11"), ref("w_12"), ref("b"))),)),
    ("loss：E", (Roles("loss", (ref("E"),)),)),
    (r"rate: \eta", (Roles("rate", (ref("eta"),)),)),
    ("input: x in R^n", (Roles("inputs", (ref("x"),)), shape("x", ref("n")))),
    ("loss: E = x", (Roles("loss", (ref("E"),)), equation("E", ref("x")))),
    ("title: A net: z = x, for all # of us", (Title("A net: z = x, for all # of us"),)),
    (
        r"assume: \sum_k Y_{ki} = 1",
        (Assumption(compare(total(ref("Y", sub("k", "i")), limits("k")), "=", 1)),),
    ),
    ("assume: p > 0", (Assumption(compare("p", ">", 0)),)),
    ("assume: 0 < p < 1", (Assumption(Compare((num(0), ref("p"), num(1)), ("<", "<"))),)),
    (r"assume: p \in [0, 1)", (Assumption(Compare((num(0), ref("p"), num(1)), ("<=", "<"))),)),
    (
        r"assume: y \in \{0, 1\}",
        (Assumption(Compare((ref("y"), Matrix(((num(0), num(1)),), True)), ("in",))),),
    ),
    ("assume: y is one-hot", (Assumption(call("one_hot", "y")),)),
    (
        "assume: y_i >= 0 for i = 1..n",
        (Assumption(compare(ref("y", sub("i")), ">=", 0), (limits("i", 1, "n"),)),),
    ),
    ("f is tanh", (FunctionIs("f", "tanh"),)),
    (r"\sigma is relu", (FunctionIs("sigma", "relu"),)),
    ("w_12 := 0.5", (Value(ref("w_12"), num("1/2")),)),
    ("w_12 := -1/2", (Value(ref("w_12"), neg(Divide(num(1), num(2)))),)),
    ("W := [[1, 2], [3, 4e-1]]", (Value(ref("W"), Matrix(((num(1), num(2)), (num(3), num("2/5"))))),)),
    ("v := [1]", (Value(ref("v"), Matrix(((num(1),),), True)),)),
    ("W := [[1, 2]]", (Value(ref("W"), Matrix(((num(1), num(2)),))),)),
]


@pytest.mark.parametrize(("text", "expected"), DECLARATIONS, ids=[text for text, _ in DECLARATIONS])
def test_declarations(text: str, expected: tuple[Statement, ...]) -> None:
    vocabulary = collect_vocabulary([Line.of(text)])
    assert parse_statements(text, vocabulary) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a b c", "this is no equation and no declaration", "NAME = expression"),
        ("", "this is no equation and no declaration", None),
        ("= b", "the left side is missing", None),
        ("a =", "the right side is missing", None),
        ("a = b = ", "the right side is missing", None),
        ("f is tahn", "tahn is no known function", "did you mean tanh?"),
        ("f is", "a function is missing", None),
        ("is tanh", "a name is missing", None),
        ("inputs:", "a name is missing behind inputs:", "inputs: NAME"),
        ("inputs: x + y", "+ cannot stand here", "separated by commas"),
        ("rate: 0.5", "0.5 cannot stand here", None),
        ("assume: x", "an assumption is a condition", r"\sum_k"),
        (r"x \in \mathbb{Q}", "cannot stand here", r"\mathbb{R}"),
        (r"x \in R^{n \times}", "a size is missing", None),
        (r"x + y \in R^n", "a name is declared, not an expression", None),
        ("a = b for 1..n", "this is no range", "for i = 1..n"),
        ("a = b for i = 1..n = j", "= cannot stand here", None),
        ("a = b, c", ", cannot stand here", None),
        ("21(out−y)2 = E", "a number stands right behind a factor", None),
    ],
)
def test_errors(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(NotationError) as caught:
        parse_statements(text, KNOWN)
    assert message in caught.value.message
    assert caught.value.span is not None
    assert hint is None or (caught.value.hint is not None and hint in caught.value.hint)


def test_one_statement_is_one() -> None:
    with pytest.raises(NotationError, match="one statement is expected"):
        parse_statement("a = b, c = d")


def test_errors_of_a_continued_line_point_into_their_own_line() -> None:
    (line,) = read_lines("z = w x\n  + \\simga(x)", "net", "n.net")
    with pytest.raises(NotationError) as caught:
        parse_statement(line)
    assert (caught.value.file, caught.value.line, caught.value.span) == ("n.net", 2, (4, 10))
    assert caught.value.text == "  + \\simga(x)"


# ------------------------------------------------------------------------------------------------ vocabulary


def collected(text: str) -> Vocabulary:
    return collect_vocabulary(read_lines(text, "net"))


@pytest.mark.parametrize(
    ("text", "names", "families"),
    [
        ("h_1 = w_{11} x_1\nout = \\sigma(h_1)", {"h_1", "out"}, set()),
        ("a^2 = x\nz^{(1)} = a^2", {"a^2", "z^(1)"}, set()),
        ("u_{ij} = 1 for i = 1..n, j = 1..m", {"u"}, {("u", "sub")}),
        ("h_{i,0} = 0\nh_{i,t} = h_{i,t-1} for i = 1..n, t = 1..T", {"h"}, {("h", "sub")}),
        (
            "A^{[0]} = X\nA^{[l]} = W^{[l]} A^{[l-1]} for l = 1..L",
            {"A"},
            {("A", "bracket"), ("W", "bracket")},
        ),
        ("z_l = W_l a_{l-1} + b_l\na_l = f(z_l)", {"z", "a"}, {(n, "sub") for n in "zaWb"}),
        ("z_l = W_la_{l-1}+b_l\na_l=f(z_l)", {"z", "a"}, {(n, "sub") for n in "zaWb"}),
        ("h_i = \\sum_j w_{ij} x_j\ny = \\sum_i v_i h_i", {"h", "y"}, {(n, "sub") for n in "hwxv"}),
        (
            "z^l = w^l a^{l-1} for l = 2..L\na^l = f(z^l) for l = 2..L",
            {"z", "a"},
            {(n, "sup") for n in "zwa"},
        ),
        ("x in R^n\na_i = \\sigma(x_i)", {"x", "n", "a"}, {("a", "sub"), ("x", "sub")}),
        (
            r"L = \frac1m \sum_{i=1}^m (y^{(i)} - \hat{y}^{(i)})^2",
            {"L"},
            {("y", "paren"), ("yhat", "paren")},
        ),
        ("W^{(1)}_{ij} = 1 for i = 1..n, j = 1..m", {"W^(1)"}, {("W^(1)", "sub")}),
        ("a_i = z_i", {"a_i"}, set()),  # nothing tells that i is an index
        (  # the gates of an LSTM are no indices, although another line sums over i
            "i_t = \\sigma(W_i x_t + U_i h_{t-1} + b_i) for t = 1..T\nE = \\sum_i y_i",
            {"i", "E"},
            {("i", "sub"), ("x", "sub"), ("h", "sub"), ("y", "sub")},
        ),
        ("inputs: x_1, x_2\nloss: E\nX in R^{n \\times m}", {"x_1", "x_2", "E", "X", "n", "m"}, set()),
        (r"W^{[l]} \in R^{n_l \times n_{l-1}}", {"W", "n"}, {("W", "bracket"), ("n", "sub")}),
        ("W_1, W_2 in R^(n x n)", {"W_1", "W_2", "n"}, set()),
        ("title: w_i for i = 1..n", set(), set()),
    ],
)
def test_vocabulary(text: str, names: set[str], families: set[tuple[str, str]]) -> None:
    vocabulary = collected(text)
    assert set(vocabulary.names) == names
    assert vocabulary.families == families


def test_vocabulary_of_a_long_chain_in_any_order() -> None:
    equations = [f"a{n}_i = \\sigma(a{n - 1}_i)" for n in range(1, 3_000)] + ["a0_i = x_i  for i = 1..n"]
    for lines in (equations, equations[::-1]):
        vocabulary = collected("\n".join(lines))
        assert ("a_2999", "sub") in vocabulary.families


def test_vocabulary_of_functions() -> None:
    vocabulary = collected("f is tanh\nL(y, z) = (y - z)^2\nE = f(L(y, z)) f'(x)")
    assert vocabulary.functions == {"f"}
    assert vocabulary.applied == {"L"}
    assert parse_statement("E = f(L(y, z))", vocabulary) == equation("E", call("f", "L"))


def test_names_keep_their_first_spelling() -> None:
    vocabulary = collected("h1 = x\n\\hat{y} = h_1")
    assert [name.plain for name in vocabulary.names.values()] == ["h1", "yhat"]
    found = vocabulary.find(parse_name("h_{1}"))  # type: ignore[arg-type]
    assert found is not None
    assert found.plain == "h1"


INTERFACE = r"""
Z_{ij} = \sum_{p=1}^{k} \sum_{q=1}^{k} K_{pq} X_{s(i-1)+p, s(j-1)+q} + c   for i = 1..H, j = 1..W
y \in \{0..2\}^{m}
L = -\frac{1}{m} \sum_{s=1}^{m} \log P_{y_s, s}
W^{[l]} \in \mathbb{R}^{n_l \times n_{l-1}}
A^{[0]} = X
U^{[l]} = W^{[l]} A^{[l-1]} + b^{[l]}        for l = 1..L
A^{[l]} = \sigma(U^{[l]})
J = \frac{1}{2m} \|A^{[N]} - Y\|_F^2
"""


def test_the_networks_of_the_interface() -> None:
    lines = read_lines(INTERFACE, "net")
    vocabulary = collect_vocabulary(lines)
    statements = [parse_statement(line, vocabulary) for line in lines]
    i, j = add("i", neg(1)), add("j", neg(1))
    entry = ref("X", sub(add(mul("s", i), "p"), add(mul("s", j), "q")))
    inner = total(mul(ref("K", sub("p", "q")), entry), limits("q", 1, "k"))
    assert statements == [
        Equation(
            ref("Z", sub("i", "j")),
            (add(total(inner, limits("p", 1, "k")), "c"),),
            ("=",),
            (limits("i", 1, "H"), limits("j", 1, "W")),
        ),
        shape("y", ref("m"), labels=(num(0), num(2))),
        equation(
            "L",
            neg(
                mul(
                    Divide(num(1), ref("m")),
                    total(call("log", ref("P", sub(ref("y", sub("s")), "s"))), limits("s", 1, "m")),
                )
            ),
        ),
        Shape((ref("W", bracket("l")),), (ref("n", sub("l")), ref("n", sub(add("l", neg(1)))))),
        Equation(ref("A", bracket(0)), (ref("X"),), ("=",)),
        Equation(
            ref("U", bracket("l")),
            (
                add(
                    mul(ref("W", bracket("l")), ref("A", bracket(add("l", neg(1))))),
                    ref("b", bracket("l")),
                ),
            ),
            ("=",),
            (limits("l", 1, "L"),),
        ),
        Equation(ref("A", bracket("l")), (call("sigma", ref("U", bracket("l"))),), ("=",)),
        equation(
            "J",
            mul(
                Divide(num(1), mul(2, "m")),
                Power(Norm(add(ref("A", bracket("N")), neg("Y")), "F"), num(2)),
            ),
        ),
    ]


def test_superscript_layers() -> None:
    vocabulary = collected("z^l = w^l a^{l-1} for l = 2..L\na^l = f(z^l) for l = 2..L\nE = a^2")
    assert parse_statement("z^l = w^l a^{l-1}", vocabulary) == Equation(
        ref("z", sup("l")), (mul(ref("w", sup("l")), ref("a", sup(add("l", neg(1))))),), ("=",)
    )


def test_samples_in_brackets() -> None:
    vocabulary = collected(r"L = \sum_{i=1}^m \hat{y}^{(i)}")
    statement = parse_statement(r"L = \sum_{i=1}^m \hat{y}^{(i)}", vocabulary)
    assert statement == equation("L", total(ref("yhat", paren("i")), limits("i", 1, "m")))


def test_statement_properties() -> None:
    statement = parse_statement("a = b = c")
    assert isinstance(statement, Equation)
    assert (statement.right, statement.chain, statement.assignment) == (ref("b"), (ref("c"),), False)
    update = parse_statement(r"w \leftarrow w - x")
    assert isinstance(update, Equation)
    assert update.assignment


def test_index_calls() -> None:
    assert parse_statement("y = f'(x)") == equation("y", Call("f", (ref("x"),), 1))
