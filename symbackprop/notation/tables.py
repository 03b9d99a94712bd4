r"""What the notation consists of, as tables: LaTeX commands, Unicode characters, functions, code words.

Contract: data only. A new command, character or function is one row here.
"""

from __future__ import annotations

import unicodedata

from symbackprop.names.alphabet import ACCENT_COMMANDS, CALLIGRAPHIC, GREEK, LETTERS, plain_letter

# A token's kind is its symbol, for operators and brackets, or one of the words below.

COMMANDS: dict[str, tuple[str, str]] = {}
r"""LaTeX command without its backslash -> kind and value of its token; the kind "" is noise."""

_COMMAND_ROWS: dict[tuple[str, str], str] = {
    ("", ""): """
        left right middle big Big bigg Bigg bigl bigr bigm Bigl Bigr Bigm biggl biggr biggm Biggl Biggr
        Biggm displaystyle textstyle scriptstyle limits nolimits nonumber notag mathop mathbin mathrel strut
        mathstrut ensuremath space thinspace medspace negthinspace allowbreak null hfill noindent hline
    """,
    ("quad", ""): "quad qquad hspace enspace",
    ("frac", ""): "frac dfrac tfrac cfrac",
    ("sqrt", ""): "sqrt",
    ("reduce", "sum"): "sum",
    ("reduce", "prod"): "prod",
    ("partial", ""): "partial",
    ("nabla", ""): "nabla",
    ("triangle", ""): "triangle bigtriangleup vartriangle triangleup",
    ("box", ""): "boxed fbox framebox",
    ("brace", ""): "underbrace overbrace underline",
    ("reals", ""): "R reals Reals",
    ("dots", ""): "dots ldots cdots dotsc dotsb dotsm dotso",
    ("for", ""): "forall",
    ("in", ""): "in",
    ("top", ""): "top intercal transp",
    ("'", ""): "prime",
    ("cdot", ""): "cdot cdotp bullet",
    ("times", ""): "times",
    ("*", ""): "ast star",
    ("hadamard", ""): "odot circ",
    ("/", ""): "div slash oslash",
    ("over", ""): "over",
    ("=", ""): "equiv",
    (":=", ""): "coloneqq coloneq triangleq leftarrow gets longleftarrow doteq",
    ("≈", ""): "approx simeq cong",
    ("<", ""): "lt",
    (">", ""): "gt",
    ("<=", ""): "le leq leqslant",
    (">=", ""): "ge geq geqslant",
    ("!=", ""): "ne neq",
    (";", ""): "Rightarrow implies Longrightarrow iff Leftrightarrow therefore",
    ("(", ""): "lparen lgroup",
    (")", ""): "rparen rgroup",
    ("[", ""): "lbrack",
    ("]", ""): "rbrack",
    ("lset", ""): "lbrace",
    ("rset", ""): "rbrace",
    ("|", ""): "vert lvert rvert mid",
    ("||", ""): "Vert lVert rVert",
    ("langle", ""): "langle",
    ("rangle", ""): "rangle",
    (":", ""): "colon",
    ("row", ""): "newline cr",
}

for (_kind, _value), _commands in _COMMAND_ROWS.items():
    COMMANDS.update(dict.fromkeys(_commands.split(), (_kind, _value)))
COMMANDS.update({command: ("letter", command) for command in LETTERS})
COMMANDS.update({command: ("accent", accent) for command, accent in ACCENT_COMMANDS.items()})
_WORD_COMMANDS = """
    exp log ln sin cos tan sinh cosh tanh arctan max min tr Tr softmax relu ReLU sigmoid
    infty erf diag sgn
"""
COMMANDS.update({word: ("word", word) for word in _WORD_COMMANDS.split()})

_REFUSED_COMMANDS = """
    input include write openin openout read def edef gdef xdef let futurelet catcode newcommand renewcommand
    providecommand DeclareMathOperator usepackage documentclass immediate csname endcsname expandafter loop
    special directlua luaexec href url includegraphics verb require unicode html htmlClass
"""
REFUSED = frozenset(_REFUSED_COMMANDS.split())
"""Commands that are programs, not mathematics."""

UNSUPPORTED: dict[str, str] = {
    "otimes": r"write \odot for the elementwise product, or x y^\top for the outer product",
    "bigotimes": "write the product out",
    "int": "write the integral out: a network has sums only",
    "oint": "write the integral out: a network has sums only",
    "argmax": "a network needs a derivative: write the softmax or the maximum",
    "arg": "a network needs a derivative: write the softmax or the maximum",
    "pm": "write one equation with + and one with -",
    "mp": "write one equation with + and one with -",
    "sim": "write the equation with =",
    "propto": "write the equation with = and its factor",
    "to": "write the equation with =",
    "rightarrow": "write the equation with =",
    "mapsto": "write the equation with =",
    "substack": "write the conditions in one line, separated by commas",
    "lfloor": "only what has a derivative can be read",
    "lceil": "only what has a derivative can be read",
    "det": "the determinant is not supported",
    "land": "write the two conditions as one chain: 0 < z < 1",
    "wedge": "write the two conditions as one chain: 0 < z < 1",
}
"""Commands that are mathematics we do not read -> what to write instead."""

MATRIX_ENVIRONMENTS = frozenset({"matrix", "bmatrix", "pmatrix", "Bmatrix", "smallmatrix", "array"})
CASES_ENVIRONMENTS = frozenset({"cases", "dcases", "rcases"})
DISPLAY_ENVIRONMENTS = frozenset(
    name + star
    for name in ("equation", "align", "gather", "multline", "eqnarray", "flalign", "alignat", "displaymath")
    for star in ("", "*")
) | {"math", "dmath", "dmath*", "dgroup", "dgroup*"}
INNER_ENVIRONMENTS = frozenset({"aligned", "split", "gathered", "alignedat", "subequations"})

# ------------------------------------------------------------------------------------------------ characters

CHARACTERS: dict[str, tuple[str, str]] = {
    "∂": ("partial", ""),
    "∇": ("nabla", ""),
    "∑": ("reduce", "sum"),
    "∏": ("reduce", "prod"),
    "√": ("root", ""),
    "⊙": ("hadamard", ""),
    "∘": ("hadamard", ""),
    "◦": ("hadamard", ""),
    "⋅": ("cdot", ""),
    "·": ("cdot", ""),
    "∙": ("cdot", ""),
    "•": ("cdot", ""),
    "×": ("times", ""),
    "∗": ("*", ""),
    "÷": ("/", ""),
    "∕": ("/", ""),
    "⁄": ("/", ""),
    "≤": ("<=", ""),
    "≥": (">=", ""),
    "⩽": ("<=", ""),
    "⩾": (">=", ""),
    "≦": ("<=", ""),
    "≧": (">=", ""),
    "≠": ("!=", ""),
    "≈": ("≈", ""),
    "≃": ("≈", ""),
    "≡": ("=", ""),
    "≔": (":=", ""),
    "←": (":=", ""),
    "≜": (":=", ""),
    "⇒": (";", ""),
    "∈": ("in", ""),
    "∀": ("for", ""),
    "…": ("dots", ""),
    "⋯": ("dots", ""),
    "ℝ": ("reals", ""),
    "‖": ("||", ""),
    "∥": ("||", ""),
    "∣": ("|", ""),
    "⟨": ("langle", ""),
    "⟩": ("rangle", ""),
    "〈": ("langle", ""),
    "〉": ("rangle", ""),
    "′": ("'", ""),
    "’": ("'", ""),
    "⊤": ("top", ""),
    "∞": ("word", "infty"),
    "△": ("triangle", ""),
    "▵": ("triangle", ""),
    "∆": ("letter", "Delta"),
    "𝟏": ("ones", "1"),
    "𝟙": ("ones", "1"),
    "𝕀": ("ones", "I"),
}
"""Unicode character -> kind and value of its token; letters come from the alphabet."""
CHARACTERS.update({letter: ("letter", command) for letter, command in GREEK.items()})

FRACTIONS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}

_SAME_AS = {
    "−": "-",
    "–": "-",
    "‐": "-",
    "‑": "-",
    "。": ".",
    "、": ",",
    "【": "[",
    "】": "]",
    "﹣": "-",
    "µ": "μ",
    "∊": "∈",
    "ϵ": "ϵ",
    "›": ">",
    "‹": "<",
    "𝜕": "∂",
    "𝛛": "∂",
    "𝝏": "∂",
    "𝛁": "∇",
    "𝜵": "∇",
    "Ι": "I",
    "Α": "A",
    "Β": "B",
    "Ε": "E",
    "Ζ": "Z",
    "Η": "H",
    "Κ": "K",
    "Μ": "M",
    "Ν": "N",
    "Ο": "O",
    "Ρ": "P",
    "Τ": "T",
    "Χ": "X",
    "Υ": "Y",
}
_INVISIBLE = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u00a0\ufe0e\ufe0f"


class _Normal(dict[int, str]):
    """For `str.translate`: one character for one, so that positions stay."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        plain = character
        if character in _INVISIBLE:
            plain = " "
        elif character in _SAME_AS:
            plain = _SAME_AS[character]
        elif character not in CHARACTERS and character not in CALLIGRAPHIC:
            # Full-width forms and mathematical alphabets; superscripts keep their meaning.
            category = unicodedata.decomposition(character)
            if category.startswith(("<font>", "<wide>", "<narrow>")):
                plain = plain_letter(character)
        self[code] = plain
        return plain


NORMAL: dict[int, str] = _Normal()
"""For `str.translate`: full-width punctuation, mathematical alphabets and look-alikes as the plain ones."""

# ------------------------------------------------------------------------------------------------- functions

FUNCTIONS: dict[str, str] = {}
"""Every spelling of a function -> its name in the tree."""

_FUNCTION_ROWS = {
    "sigma": "sigma",
    "sigmoid": "sigmoid logistic expit",
    "tanh": "tanh",
    "relu": "relu ReLU Relu RELU",
    "leaky_relu": "leaky_relu LeakyReLU leakyReLU leakyrelu lrelu LReLU",
    "elu": "elu ELU",
    "softplus": "softplus Softplus",
    "silu": "silu SiLU swish Swish",
    "gelu": "gelu GELU",
    "identity": "identity id int float double",
    "exp": "exp",
    "log": "log ln",
    "sqrt": "sqrt",
    "abs": "abs fabs",
    "max": "max maximum",
    "min": "min minimum",
    "sign": "sign sgn",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "sinh": "sinh",
    "cosh": "cosh",
    "sech": "sech",
    "arctan": "arctan atan",
    "erf": "erf",
    "softmax": "softmax Softmax",
    "softmax_rows": "softmax_rows",
    "softmax_columns": "softmax_columns",
    "log_softmax": "log_softmax LogSoftmax logsoftmax",
    "logsumexp": "logsumexp LogSumExp log_sum_exp",
    "diag": "diag Diag",
    "trace": "trace Tr tr Trace",
    "sum": "sum Sum",
    "prod": "prod",
    "mean": "mean average",
    "norm": "norm",
    "transpose": "transpose",
    "dot": "dot",
    "matmul": "matmul mm bmm mv",
    "multiply": "multiply mul",
    "outer": "outer",
    "divide": "divide true_divide",
    "one_hot": "one_hot onehot OneHot one_hot_encode",
    "square": "square",
    "power": "power pow",
    "len": "len",
    "where": "where",
    "vec": "vec",
}
for _name, _spellings in _FUNCTION_ROWS.items():
    FUNCTIONS.update(dict.fromkeys(_spellings.split(), _name))

FUNCTION_LETTERS = frozenset({"f", "g", "phi", "varphi", "psi"})
"""Letters that are functions when brackets follow, unless they are known quantities."""

REDUCTIONS = frozenset({"sum", "prod", "max", "min", "mean"})
"""Functions that with a subscript run over an index."""

_NEED_BRACKETS = """
    sum prod mean identity dot matmul mm bmm mv multiply mul vec where transpose norm outer divide one_hot square
    power pow len int float double diag sign
"""
NEED_BRACKETS = frozenset(_NEED_BRACKETS.split())
"""Functions that are words of other languages too: names, unless brackets (or limits) follow."""

DERIVATIVE_WORDS = frozenset({"prime", "derivative", "deriv", "grad"})
"""`sigmoid_prime(z)` is the derivative of sigmoid."""

METHODS = frozenset(
    [
        "dot",
        "sum",
        "mean",
        "max",
        "min",
        "transpose",
        "t",
        "astype",
        "copy",
        "clone",
        "detach",
        "float",
        "double",
        "int",
        "numpy",
        "item",
        "cpu",
        "prod",
    ]
)
"""Array methods: `a.dot(b)`, `A.sum(axis=0)`."""

KEYWORDS = frozenset({"axis", "keepdims", "dim", "keepdim", "dtype", "ord", "initial"})
"""Keyword arguments of NumPy functions."""

WORDS: dict[str, str] = {
    "for": "for",
    "for all": "for",
    "for each": "for",
    "for every": "for",
    "where": "where",
    "with": "where",
    "if": "if",
    "when": "if",
    "otherwise": "otherwise",
    "else": "otherwise",
    "and": ",",
    "其中": "where",
    "对": "for",
    "对所有": "for",
    "如果": "if",
    "若": "if",
    "当": "if",
    "否则": "otherwise",
    "其他": "otherwise",
}
r"""What a word in `\text{...}` means; other prose is ignored."""
