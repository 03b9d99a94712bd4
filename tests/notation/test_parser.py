"""Expressions: text -> literal tree, in LaTeX, plain text, Unicode and code notation."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from symbackprop.errors import NotationError
from symbackprop.notation.parser import Family, Vocabulary, parse_expression
from symbackprop.notation.syntax import (
    Absolute,
    Call,
    Cases,
    Compare,
    Divide,
    Element,
    Gradient,
    Indicator,
    Inner,
    Matrix,
    Multiply,
    Node,
    Norm,
    Number,
    Ones,
    Partial,
    Power,
    Reduction,
    Reference,
    Script,
    Transpose,
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

NAMES = "x y z q a b c m L E W out w_12 w_21 x_1 x_2 h_1 h_2 alpha_2 Y Yhat P W1 Z2 W^(1) W^(2) z^(1) A^[1] Z^[2]"
OTHER_NAMES = "sigma^2 a^3 f_t x'"
FAMILIES: list[Family] = [
    ("V", "bracket"),
    ("A", "bracket"),
    ("h", "sub"),
    ("delta", "bracket"),
    ("delta", "paren"),
    ("v", "sup"),
]
KNOWN = Vocabulary.of(*NAMES.split(), *OTHER_NAMES.split(), families=FAMILIES)
"""What a network knows; other names in the tests are undefined, like parameters and inputs."""

CASES: dict[str, list[tuple[str, Node]]] = {
    "names": [
        ("w_{99}", ref("w_99")),
        ("w_12", ref("w_12")),
        ("w₁₂", ref("w_12")),
        ("h1", ref("h_1")),
        (r"\hat{y}_{99}", ref("yhat_99")),
        ("ŷ", ref("yhat")),
        ("net_{h1}", ref("net_h1")),
        (r"\mathbf{u}_1", ref("u_1")),
        (r"\text{out}", ref("out")),
        ("U^{(1)}", ref("U^(1)")),
        ("U^{[2]}", ref("U^[2]")),
        ("u_{1,2}", ref("u_1,2")),
        ("y^*", ref("y^*")),
        ("w_5^+", ref("w_5^+")),
        ("w^{new}", ref("w^new")),
        (r"x_{\text{in}}", ref("x_in")),
        ("E_{total}", ref("E_total")),
        (r"\mathcal{L}", ref("L")),
        (r"\pi", ref("pi")),
        ("{W^{(1)}}", ref("W^(1)")),
        ("x'", ref("x'")),
        ("a^3", ref("a^3")),
    ],
    "indices": [
        ("Y_{ki}", ref("Y", sub("k", "i"))),
        ("Y_ki", ref("Y", sub("k", "i"))),
        ("Y_{k, i}", ref("Y", sub("k", "i"))),
        ("Y_{k i}", ref("Y", sub("k", "i"))),
        ("Y_{12}", ref("Y", sub(1, 2))),
        ("Y_{1,2}", ref("Y", sub(1, 2))),
        ("Y[k, i]", ref("Y", sub("k", "i"))),
        (r"\hat{Y}_{ki}", ref("Yhat", sub("k", "i"))),
        ("P_{y_s, s}", ref("P", sub(ref("y", sub("s")), "s"))),
        ("h_{i,t-1}", ref("h", sub("i", add("t", neg(1))))),
        ("u_{l-1}", ref("u", sub(add("l", neg(1))))),
        ("u_{i,j}", ref("u", sub("i", "j"))),
        (
            "X_{s(i-1)+p, s(j-1)+q}",
            ref("X", sub(add(mul("s", add("i", neg(1))), "p"), add(mul("s", add("j", neg(1))), "q"))),
        ),
        ("V^{[l]}", ref("V", bracket("l"))),
        ("V^{[2]}", ref("V", bracket(2))),
        ("A^{[l-1]}", ref("A", bracket(add("l", neg(1))))),
        ("A^{[1]}", ref("A^[1]")),
        (r"\delta^{[l](i)}", ref("delta", bracket("l"), paren("i"))),
        ("v^l", ref("v", sup("l"))),
        ("v^{l-1}", ref("v", sup(add("l", neg(1))))),
        ("W^{(1)}_{ij}", ref("W^(1)", sub("i", "j"))),
        ("W_{ij}^{(1)}", ref("W^(1)", sub("i", "j"))),
        ("(W x)_i", Element(mul("W", "x"), (sub("i"),))),
        ("softmax(z)_k", Element(call("softmax", "z"), (sub("k"),))),
    ],
    "products": [
        ("w_{11}x_1", mul("w_11", "x_1")),
        ("w_12x_1", mul("w_12", "x_1")),
        ("qz", mul("q", "z")),
        ("qz^2", mul("q", Power(ref("z"), num(2)))),
        ("qh_1", mul("q", "h_1")),
        ("ab_3", mul("a", ref("b", sub(3)))),
        ("unknown", ref("unknown")),
        ("2x", mul(2, "x")),
        (r"2\eta(x-1)", mul(2, "eta", add("x", neg(1)))),
        ("(a+b)(a-b)", mul(add("a", "b"), add("a", neg("b")))),
        (r"a \cdot b", mul("a", "b", by="cdot")),
        ("a * b", mul("a", "b", by="star")),
        ("a @ b", mul("a", "b", by="at")),
        (r"a \times b", mul("a", "b", by="times")),
        (r"a \odot b", mul("a", "b", by="hadamard")),
        ("a ⊙ b ∘ c .* z", mul("a", "b", "c", "z", by="hadamard")),
        ("a * -b", mul("a", neg("b"), by="star")),
        ("x(1-x)", mul("x", add(1, neg("x")))),
        ("o(1-o)", mul("o", add(1, neg("o")))),
        ("w_7(x+1)", mul("w_7", add("x", 1))),
        ("W_lx_{l-1}", mul(ref("W", sub("l")), ref("x", sub(add("l", neg(1)))))),
        (
            r"W^T \delta \odot \sigma'(z)",
            Multiply(
                (Transpose(ref("W")), ref("delta"), call("sigma", "z", order=1)),
                ("juxtaposition", "hadamard"),
            ),
        ),
        ("np.dot(a, b)", mul("a", "b", by="at")),
        ("a.dot(b)", mul("a", "b", by="at")),
        ("np.multiply(a, b)", mul("a", "b", by="hadamard")),
    ],
    "sums": [
        ("a + b - c", add("a", "b", neg("c"))),
        ("-a + b", add(neg("a"), "b")),
        ("a - -b", add("a", "b")),
        ("-a b", neg(mul("a", "b"))),
        ("-x^2", neg(Power(ref("x"), num(2)))),
        ("+a", ref("a")),
        ("a + (b + c)", add("a", add("b", "c"))),
    ],
    "quotients": [
        (r"\frac{a}{b}", Divide(ref("a"), ref("b"))),
        (r"\frac12 x", mul(Divide(num(1), num(2)), "x")),
        (r"\tfrac1{2m}", Divide(num(1), mul(2, "m"))),
        (r"\frac1mA^{[1]}", mul(Divide(num(1), ref("m")), "A^[1]")),
        (r"\dfrac\lambda2", Divide(ref("lambda"), num(2))),
        ("a/b", Divide(ref("a"), ref("b"), True)),
        ("1/2 x", mul(Divide(num(1), num(2)), "x")),
        ("1/2(x-y)", mul(Divide(num(1), num(2)), add("x", neg("y")))),
        ("a b / c", Divide(mul("a", "b"), ref("c"))),
        ("a / b / c", Divide(Divide(ref("a"), ref("b")), ref("c"))),
        ("a / -b", Divide(ref("a"), neg("b"))),
        ("½ x", mul(num("1/2"), "x")),
        (r"\frac{\delta_1}{\delta_2}", Divide(ref("delta_1"), ref("delta_2"))),
    ],
    "powers and transposes": [
        ("a^2", Power(ref("a"), num(2))),
        ("a**2", Power(ref("a"), num(2))),
        ("a²", Power(ref("a"), num(2))),
        ("a^{-1}", Power(ref("a"), neg(1))),
        ("x**-1", Power(ref("x"), neg(1))),
        ("(a+b)^n", Power(add("a", "b"), ref("n"))),
        ("2^{n+1}", Power(num(2), add("n", 1))),
        ("x^(n+1)/2", Divide(Power(ref("x"), add("n", 1)), num(2))),
        ("x^{(n+1)}", ref("x", paren(add("n", 1)))),
        ("x^(2)", ref("x^(2)")),
        ("x^(1/2)", Power(ref("x"), Divide(num(1), num(2)))),
        ("x^2y", mul(Power(ref("x"), num(2)), "y")),
        ("e^{-z}", call("exp", neg("z"))),
        ("e^-z", call("exp", neg("z"))),
        ("e^(z)", call("exp", "z")),
        ("e**(-z)", call("exp", neg("z"))),
        (r"\mathrm{e}^{z_1}", call("exp", ref("z", sub(1)))),
        ("e", call("exp", 1)),
        ("e_1", ref("e_1")),
        *((text, Transpose(ref("W"))) for text in (r"W^T", r"W^{T}", r"W^\top", r"W^{\mathsf T}", "W^{\\intercal}")),
        *((text, Transpose(ref("W"))) for text in ("W'", "W.T", "Wᵀ", "W⊤", r"W^\mathsf{T}", "np.transpose(W)")),
        ("W^{(2)T}", Transpose(ref("W^(2)"))),
        ("W^{(2)^T}", Transpose(ref("W^(2)"))),
        (r"(W^{(2)})^\top", Transpose(ref("W^(2)"))),
        ("W^Tx", mul(Transpose(ref("W")), "x")),
        (r"W^{-\top}", Transpose(Power(ref("W"), num(-1)))),
        ("W^T_{ij}", Transpose(ref("W", sub("i", "j")))),
        (r"\sqrt{x}", call("sqrt", "x")),
        (r"\sqrt[3]{x}", Power(ref("x"), Divide(num(1), num(3)))),
        ("√x", call("sqrt", "x")),
        ("a^{(1)2}", Power(ref("a^(1)"), num(2))),
    ],
    "functions": [
        (r"\sigma(h_1)", call("sigma", "h_1")),
        ("σ(h1)", call("sigma", "h_1")),
        ("sigma(h_1)", call("sigma", "h_1")),
        (r"\sigma'(z)", call("sigma", "z", order=1)),
        (r"\sigma^{\prime}(z)", call("sigma", "z", order=1)),
        (r"\sigma'", Call("sigma", (), 1)),
        (r"\sigma", ref("sigma")),
        (r"\sigma^2 + 1", add("sigma^2", 1)),
        (r"\sigma_1(z)", Call("sigma", (ref("z"),), 0, (sub(1),))),
        (r"\tanh z", call("tanh", "z")),
        (r"\log \hat{Y}_{ki}", call("log", ref("Yhat", sub("k", "i")))),
        (r"\ln(1-x)", call("log", add(1, neg("x")))),
        (r"\sin 2x", call("sin", mul(2, "x"))),
        (r"\exp -z", call("exp", neg("z"))),
        (r"\exp{(-z)}", call("exp", neg("z"))),
        (r"\log^2 x", Power(call("log", "x"), num(2))),
        (r"\tanh^2(z)", Power(call("tanh", "z"), num(2))),
        (r"\sigma(z)^2", Power(call("sigma", "z"), num(2))),
        (r"y \log x + \log(x) y", add(mul("y", call("log", "x")), mul(call("log", "x"), "y"))),
        (r"\log \sum_k x_k", call("log", total(ref("x", sub("k")), limits("k")))),
        (r"\max(0, z)", call("max", 0, "z")),
        (r"\max\{0, z\}", call("max", 0, "z")),
        ("np.maximum(0, z)", call("max", 0, "z")),
        (r"\mathrm{ReLU}(z)", call("relu", "z")),
        ("LeakyReLU(z)", call("leaky_relu", "z")),
        (r"\operatorname{softmax}(z)", call("softmax", "z")),
        ("softmax_rows(Y)", call("softmax_rows", "Y")),
        ("sigmoid_prime(z)", call("sigmoid", "z", order=1)),
        (r"\mathrm{Tr}(W^T W)", call("trace", mul(Transpose(ref("W")), "W"))),
        (r"\operatorname{tr} W^T W", call("trace", mul(Transpose(ref("W")), "W"))),
        ("f(z) + g'(z)", add(call("f", "z"), call("g", "z", order=1))),
        ("g^{[l]}(z)", Call("g", (ref("z"),), 0, (bracket("l"),))),
        ("f_t(x)", mul("f_t", "x")),
        (
            "np.sum(W, axis=1, keepdims=True)",
            Call("sum", (ref("W"),), keywords=(("axis", "1"), ("keepdims", "True"))),
        ),
        ("W.sum(axis=0)", Call("sum", (ref("W"),), keywords=(("axis", "0"),))),
        ("np.where(z > 0, 1, 0)", call("where", compare("z", ">", 0), 1, 0)),
        ("np.square(x) + np.power(x, 2)", add(Power(ref("x"), num(2)), Power(ref("x"), num(2)))),
        ("[1 - z]_+", call("relu", add(1, neg("z")))),
        (r"\mathbf{softmax}(z)", call("softmax", "z")),
        (r"L(y, \hat{Y})", ref("L")),
    ],
    "reductions": [
        (r"\sum_{i=1}^{m} x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum\limits_{i=1}^m x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum^m_{i=1} x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum_i x_i", total(ref("x", sub("i")), limits("i"))),
        ("Σ_i x_i", total(ref("x", sub("i")), limits("i"))),
        ("∑ᵢ x_i", total(ref("x", sub("i")), limits("i"))),
        ("sum_{i=1}^m x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        ("sum(x_i, i, 1, m)", total(ref("x", sub("i")), limits("i", 1, "m"))),
        ("sum(x_i, i=1..m)", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum_{i,k} Y_{ki}", total(ref("Y", sub("k", "i")), limits("i"), limits("k"))),
        (r"\sum_{i=1..m} x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum_{1 \le i \le m} x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum_{i \in \{1,\dots,m\}} x_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum_iu_ix_i", total(mul(ref("u", sub("i")), ref("x", sub("i"))), limits("i"))),
        (r"\sum_{i=1}^mx_i", total(ref("x", sub("i")), limits("i", 1, "m"))),
        (r"\sum_j u_{ij} x_j", total(mul(ref("u", sub("i", "j")), ref("x", sub("j"))), limits("j"))),
        (r"\sum_i x_i + b", add(total(ref("x", sub("i")), limits("i")), "b")),
        (r"\sum_i -x_i", total(neg(ref("x", sub("i"))), limits("i"))),
        (
            r"\sum_i \sum_k Y_{ki} x_i",
            total(total(mul(ref("Y", sub("k", "i")), ref("x", sub("i"))), limits("k")), limits("i")),
        ),
        (
            r"\sum_{j \ne i} x_j",
            Reduction("sum", (limits("j"),), ref("x", sub("j")), compare("j", "!=", "i")),
        ),
        (r"\max_{p,q} Y_{pq}", Reduction("max", (limits("p"), limits("q")), ref("Y", sub("p", "q")))),
        (r"\prod_{i} x_i", Reduction("prod", (limits("i"),), ref("x", sub("i")))),
    ],
    "brackets": [
        (r"\left( a + b \right) c", mul(add("a", "b"), "c")),
        ("[a + b] c", mul(add("a", "b"), "c")),
        (r"\{a + b\} c", mul(add("a", "b"), "c")),
        (r"\|x\|^2", Power(Norm(ref("x")), num(2))),
        (r"\|W\|_F^2", Power(Norm(ref("W"), "F"), num(2))),
        (r"\lVert W \rVert^2_F", Power(Norm(ref("W"), "F"), num(2))),
        ("||x|| ||y||", mul(Norm(ref("x")), Norm(ref("y")))),
        ("‖x‖₁", Norm(ref("x"), "1")),
        (r"\left\|x - y\right\|", Norm(add("x", neg("y")))),
        ("|x| |y|", mul(Absolute(ref("x")), Absolute(ref("y")))),
        ("|x (|y| + 1)|", Absolute(mul("x", add(Absolute(ref("y")), 1)))),
        (r"\langle a, b \rangle", Inner(ref("a"), ref("b"))),
        (r"\mathbf{1}^\top W", mul(Transpose(Ones()), "W")),
        (r"\mathbf 1_m", Ones(ref("m"))),
        ("𝟏_{m}", Ones(ref("m"))),
        *((text, where("z", ">", 0)) for text in ("[z > 0]", "(z > 0)", r"\mathbf{1}[z>0]", r"\mathbb 1_{z>0}")),
        *((text, where("z", ">", 0)) for text in (r"\mathbb{1}(z > 0)", "1[z>0]", r"1_{z > 0}", r"\mathbb{I}(z > 0)")),
        ("z > 0", where("z", ">", 0)),
        ("0 < z <= 1", Indicator(Compare((num(0), ref("z"), num(1)), ("<", "<=")))),
        ("[i = j]", where("i", "=", "j")),
        ("[[1, 2], [3, -4]]", Matrix(((num(1), num(2)), (num(3), neg(4))))),
        ("[1, 2]", Matrix(((num(1), num(2)),), True)),
        (r"\begin{bmatrix} a & b \\ c & 0 \end{bmatrix}", Matrix(((ref("a"), ref("b")), (ref("c"), num(0))))),
        (
            r"\begin{cases} z & z > 0 \\ 0 & \text{otherwise} \end{cases}",
            Cases(((ref("z"), compare("z", ">", 0)), (num(0), None))),
        ),
        (
            r"\left\{ \begin{array}{ll} z, & \text{if } z > 0 \\ 0, & z \le 0 \end{array} \right.",
            Cases(((ref("z"), compare("z", ">", 0)), (num(0), compare("z", "<=", 0)))),
        ),
        (r"\underbrace{a + b}_{\text{net}} c", mul(add("a", "b"), "c")),
        (r"\boxed{a}", ref("a")),
    ],
    "derivatives": [
        *(
            (text, Partial(ref("L"), ref("W^(1)")))
            for text in (
                r"\frac{\partial L}{\partial W^{(1)}}",
                r"\partial L / \partial W^{(1)}",
                "∂L/∂W^(1)",
                "dL/dW^(1)",
                r"\frac{dL}{dW^{(1)}}",
                r"\frac{\mathrm{d}L}{\mathrm{d}W^{(1)}}",
                r"\frac{d L}{d W^{(1)}}",
                r"\frac{{\partial L}}{{\partial W^{(1)}}}",
                r"\frac{\partial}{\partial W^{(1)}} L",
                "partial L / partial W^(1)",
                r"\frac{\partial\mathcal{L}}{\partial\mathbf{W}^{(1)}}",
            )
        ),
        ("dE/dout * dout/dz", mul(Partial(ref("E"), ref("out")), Partial(ref("out"), ref("z")), by="star")),
        ("dE/dw_99", Partial(ref("E"), ref("w_99"))),
        (r"\frac{\partial\alpha_2}{\partial h2}", Partial(ref("alpha_2"), ref("h_2"))),
        ("dW", Gradient("d", ref("W"))),
        ("dW1", Gradient("d", ref("W1"))),
        ("dZ^{[2]}", Gradient("d", ref("Z^[2]"))),
        ("dout", Gradient("d", ref("out"))),
        (r"\mathrm{d}W", Gradient("d", ref("W"))),
        ("dA^{[l-1]}", Gradient("d", ref("A", bracket(add("l", neg(1)))))),
        ("dW^T", Transpose(Gradient("d", ref("W")))),
        ("grad_W", Gradient("grad", ref("W"))),
        ("grad_{W^{(1)}}", Gradient("grad", ref("W^(1)"))),
        ("grad_h_1", Gradient("grad", ref("h_1"))),
        (r"\nabla_W L", Gradient("nabla", ref("W"), ref("L"))),
        (r"\nabla_{a} L \odot z", mul(Gradient("nabla", ref("a"), ref("L")), "z", by="hadamard")),
        (r"\nabla_{W}", Gradient("nabla", ref("W"))),
        (r"\Delta w_{12}", Gradient("Delta", ref("w_12"))),
        (r"\Delta u", mul("Delta", "u")),
        (r"\bigtriangleup w_{21}", Gradient("triangle", ref("w_21"))),
        (r"\triangle w_{21}", Gradient("triangle", ref("w_21"))),
        (r"\partial W", Gradient("partial", ref("W"))),
        ("E_{w_{12}}", ref("E", sub("w_12"))),
        ("dim", ref("dim")),
    ],
}


@pytest.mark.parametrize(
    ("text", "tree"),
    [pytest.param(t, tree, id=f"{kind}: {t}") for kind, rows in CASES.items() for t, tree in rows],
)
def test_expression(text: str, tree: Node) -> None:
    assert parse_expression(text, KNOWN) == tree


@pytest.mark.parametrize(
    ("text", "message", "place", "hint"),
    [
        ("h(z)", "h(...) may be a function or a product", "h", "h is tanh"),
        ("myact(z)", "myact is neither a known quantity nor a known function", "myact", "myact is tanh"),
        ("tahn(z)", "tahn is neither", "tahn", "did you mean tanh?"),
        ("u(x, y)", "u is neither", "u", None),
        ("a b 2", "a number stands right behind a factor", "2", "^2"),
        ("(out-y)2", "a number stands right behind a factor", "2", "^2"),
        ("1/2m", "how far does the slash reach", "2m", "write 1/(2m)"),
        ("1/qz", "how far does the slash reach", "qz", "write 1/(qz)"),
        (r"\tanh W x", "where does the argument of tanh end?", "W x", "tanh(...)"),
        (r"\sigma^{-1}(z)", "may be the inverse of sigma", "^{-1}", "1/sigma(z)"),
        ("x^2^3", "two exponents on one base", "^3", None),
        (r"\frac{\partial^2 L}{\partial w^2}", "second derivatives", r"\partial", None),
        (r"\frac{\partial L}{W}", "∂ stands only above or only below", "W", None),
        (r"\log", "the function log has no argument", r"\log", "log(z)"),
        (r"\log + x", "the function log has no argument", r"\log", None),
        ("x_", "something is missing at the end", "", "w_{12}"),
        ("x_{}", "the script is empty", "_{}", None),
        ("x^{}", "the superscript is empty", "^{}", None),
        ("()", ") cannot stand here", ")", None),
        ("(a, b)", ", cannot stand here", ",", None),
        ("a +", "something is missing at the end", "", None),
        ("* a", "* cannot stand here", "*", None),
        (r"a \odot \odot b", r"\odot cannot stand here", r"\odot", None),
        (r"x_1 + \dots + x_n", "dots cannot be read", r"\dots", r"\sum"),
        (r"\sum x_i", "the sum has no index", r"\sum", r"\sum_{i=1}^{n}"),
        (r"\sum_{i=1}^{m}", "something is missing at the end", "", "what is summed"),
        (r"\sum_{2}^{m} x", "this is no index", "2", None),
        (r"\hat{a + b}", "+ cannot stand here", "+", None),
        (r"\hat{\hat{y}}", "a name has one accent", None, None),
        ("|x", "| is opened here and never closed", "|", None),
        (r"\begin{cases} \end{cases}", "nothing stands in it", r"\begin{cases} \end{cases}", None),
        (r"\begin{cases} z & z \end{cases}", "this is no condition", None, "otherwise"),
        ("[[1, 2], [3]]", "rows of the matrix have different lengths", None, None),
        ("a, b", ", cannot stand here", ",", "one formula"),
        ("a b ) c", "the bracket ) was never opened", ")", None),
        ("e^T", "Euler's number", "^T", None),
        (r"\nabla", "something is missing at the end", "", None),
        ("np.dot(a, b, c)", "dot is given 3 arguments", "dot(a, b, c)", None),
        ("sum(x, y, z)", "the sum is not clear", "sum(x, y, z)", None),
        ("__import__('os')", "_ cannot stand here", "_", None),
        ("x.__class__", "unexpected character '.'", ".", None),
        ("eval(x)", "eval is neither", "eval", None),
        ("lambda: 0", ": cannot stand here", ":", None),
    ],
)
def test_error(text: str, message: str, place: str | None, hint: str | None) -> None:
    with pytest.raises(NotationError) as caught:
        parse_expression(text, KNOWN)
    error = caught.value
    assert message in error.message
    assert error.text == text
    assert error.span is not None
    assert place is None or text[slice(*error.span)] == place
    assert hint is None or (error.hint is not None and hint in error.hint)


def nodes(tree: Any) -> Iterator[Node]:
    """All nodes of a tree."""
    if isinstance(tree, tuple):
        for item in tree:  # pyright: ignore[reportUnknownVariableType]
            yield from nodes(item)
    elif isinstance(tree, Node):
        yield tree
        for field in dataclasses.fields(tree):
            yield from nodes(getattr(tree, field.name))


@pytest.mark.parametrize("text", [text for rows in CASES.values() for text, _ in rows])
def test_spans_lie_in_the_text(text: str) -> None:
    for node in nodes(parse_expression(text, KNOWN)):
        start, end = node.span
        assert 0 <= start <= end <= len(text)
        if isinstance(node, Reference | Call | Reduction | Norm):
            assert start < end


def test_spans_point_at_what_was_written() -> None:
    text = r"a + \frac{1}{2} w_{12} \sigma(h_1)^2"
    tree = parse_expression(text, KNOWN)
    written = {text[slice(*node.span)] for node in nodes(tree)}
    assert {
        text,
        "a",
        r"\frac{1}{2} w_{12} \sigma(h_1)^2",
        r"\frac{1}{2}",
        "w_{12}",
        r"\sigma(h_1)",
        "h_1",
    } <= written


def test_digits_are_kept() -> None:
    tree = parse_expression("0.50")
    assert isinstance(tree, Number)
    assert (tree.text, str(tree.value)) == ("0.50", "1/2")


def test_packed_indices_are_marked() -> None:
    for text, packed in (("Y_{12}", True), ("Y_{1,2}", False), ("Y_{ki}", True), ("Y_{k}", False)):
        tree = parse_expression(text, KNOWN)
        assert isinstance(tree, Reference)
        assert [script.packed for script in tree.scripts] == [packed]


def test_bound_indices_are_indices_of_unknown_names() -> None:
    bound = Vocabulary.of(indices=["i", "j"])
    assert parse_expression("u_{ij}", bound) == ref("u", sub("i", "j"))
    assert parse_expression("u_{ij}") == ref("u_ij")
    assert parse_expression("u^{(i)}", bound) == ref("u", paren("i"))
    assert parse_expression("w_ijx_j", bound) == mul(ref("w", sub("i", "j")), ref("x", sub("j")))
    assert isinstance(parse_expression("u_{ij}", bound), Reference)
    assert parse_expression("u_{in}", bound) == ref("u", Script("sub", (ref("i"), ref("n"))))
