"""A GPT in one file: the transformer that predicts the next token, its gradient by hand, and writing with it.

Rows are tokens: X has shape (T, d). A block is attention and a perceptron, each read from a normalised x and added to x
([004], section 6.3.2; normalised first, as in GPT-2, where the paper of 2017 normalises the sum):

    norm(x)   = gamma (x - mu) / sqrt(sigma^2 + eps) + beta,      mu and sigma over the d numbers of a token
    head_i    = softmax over j <= i of (q_i' k_j / sqrt(d_k)) times v_j,      q, k, v = a W_Q + b_Q, ...
    attention = [head_1, ..., head_H] W_O + b_O
    x  <- x + attention(norm_1(x)),      x  <- x + gelu(norm_2(x) W_1 + b_1) W_2 + b_2
    z_t = norm(x_t) E',      loss = mean over t of -log softmax(z_t)[token t+1]

The first x_t is E[token] + P[t]: a row for the symbol and one for the place, both learnt; the sines of [004] serve as
well. E is used twice, to read and to write.

Going back, every piece gets dJ/d(output) and gives dJ/d(input) and dJ/d(weights). So each function here returns its
output together with the function that goes back, and the chain rule is to call these in reverse. Two of them are worth
a minute at the board:

    softmax w = softmax(s):   ds = w * (dw - sum_j w_j dw_j)
    norm:                     dx = (dn - mean(dn) - n mean(dn n)) / sigma,      n = (x - mu) / sigma, dn = dy gamma

Slips of [004], right here: its masked score, q'k or minus infinity, is printed as a weight and lacks 1 / sqrt(d_k).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ceteris.arguments import whole
from ceteris.scratch import descent
from ceteris.scratch.mlp import softmax

EPS = 1e-5
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class GPT:
    """All weights by name, those of block l with "l." in front, and the number of heads.

    E (V, d), P (longest, d); per block W_Q, W_K, W_V, W_O (d, d), W_1 (d, 4d), W_2 (4d, d), their b, and gamma_1,
    beta_1, gamma_2, beta_2 (d,); at the end gamma, beta (d,).
    """

    weights: Arrays
    heads: int

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return sum(name.endswith("W_Q") for name in self.weights)


def initialise(rng: np.random.Generator, symbols: int, longest: int, width=32, heads=2, depth=1) -> GPT:
    """First weights as in GPT-2: normal with a standard deviation of .02, less where a block adds to x; biases 0.

    Examples
    --------
    >>> net = initialise(np.random.default_rng(0), symbols=10, longest=8)
    >>> logits, _ = forward(net, np.array([3, 1, 4]))
    >>> logits.shape
    (3, 10)
    """
    whole("heads", heads)
    if whole("width", width) % heads:
        raise ValueError(f"heads is {heads}, but must divide the width, {width}; give such a number.")
    normal = lambda *shape, sd=0.02: sd * rng.normal(size=shape)
    weights = {"E": normal(symbols, width), "P": normal(longest, width)}
    for l in range(depth):
        adds = 0.02 / np.sqrt(2 * depth)
        block = {f"W_{name}": normal(width, width) for name in "QKV"} | {"W_O": normal(width, width, sd=adds)}
        block |= {"W_1": normal(width, 4 * width), "W_2": normal(4 * width, width, sd=adds)}
        block |= {f"b_{name[2:]}": np.zeros(W.shape[1]) for name, W in block.items()}
        block |= {f"gamma_{i}": np.ones(width) for i in (1, 2)} | {f"beta_{i}": np.zeros(width) for i in (1, 2)}
        weights |= {f"{l}.{name}": array for name, array in block.items()}
    return GPT(weights | {"gamma": np.ones(width), "beta": np.zeros(width)}, heads)


# ------------------------------------------------------------------------------- pieces: (output, the way back)


def affine(x: np.ndarray, w: Arrays, name: str):
    """Return x W + b."""
    W, b = w[f"W_{name}"], w[f"b_{name}"]
    return x @ W + b, lambda dy: (dy @ W.T, {f"W_{name}": x.T @ dy, f"b_{name}": dy.sum(0)})


def norm(x: np.ndarray, w: Arrays, end: str):
    """Every token with mean 0 and variance 1 over its numbers, then scaled and shifted."""
    gamma, beta = w[f"gamma{end}"], w[f"beta{end}"]
    sigma = np.sqrt(x.var(axis=1, keepdims=True) + EPS)
    n = (x - x.mean(axis=1, keepdims=True)) / sigma

    def back(dy):
        dn = dy * gamma
        dx = (dn - dn.mean(1, keepdims=True) - n * (dn * n).mean(1, keepdims=True)) / sigma
        return dx, {f"gamma{end}": (dy * n).sum(0), f"beta{end}": dy.sum(0)}

    return n * gamma + beta, back


def gelu(x: np.ndarray):
    """Return x times the chance that a standard normal number lies below x, by GPT-2's approximation of it."""
    tanh = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    slope = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2) * (1 - tanh**2)
    return x * (1 + tanh) / 2, lambda dy: dy * ((1 + tanh) / 2 + x * slope / 2)


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray):
    """One head: each token looks at itself and those before it; all (T, d_k)."""
    root = np.sqrt(q.shape[1])
    scores = np.where(np.tri(len(q), dtype=bool), q @ k.T / root, -np.inf)
    weights = softmax(scores)

    def back(dy):
        dw = dy @ v.T
        ds = weights * (dw - (weights * dw).sum(1, keepdims=True)) / root
        return ds @ k, ds.T @ q, weights.T @ dy

    return weights @ v, back


def attention(x: np.ndarray, w: Arrays, heads: int):
    """Several heads, each on its share of the width, mixed by W_O."""
    (q, back_q), (k, back_k), (v, back_v) = (affine(x, w, name) for name in "QKV")
    split = lambda a: np.split(a, heads, axis=1)
    found, backs = zip(*(attend(*each) for each in zip(split(q), split(k), split(v), strict=True)), strict=True)
    y, back_o = affine(np.hstack(found), w, "O")

    def back(dy):
        dfound, g = back_o(dy)
        each = [one(part) for one, part in zip(backs, split(dfound), strict=True)]
        dx = 0.0
        for back_one, d in zip((back_q, back_k, back_v), map(np.hstack, zip(*each, strict=True)), strict=True):
            d, own = back_one(d)
            dx, g = dx + d, g | own
        return dx, g

    return y, back


def block(x: np.ndarray, w: Arrays, heads: int):
    """Attention, then a perceptron at every token, each added to x."""
    a, back_norm_1 = norm(x, w, "_1")
    y, back_attention = attention(a, w, heads)
    x = x + y
    a, back_norm_2 = norm(x, w, "_2")
    h, back_1 = affine(a, w, "1")
    h, back_gelu = gelu(h)
    y, back_2 = affine(h, w, "2")

    def back(dx):
        dh, g_2 = back_2(dx)
        da, g_1 = back_1(back_gelu(dh))
        d, g_norm_2 = back_norm_2(da)
        dx = dx + d  # what is added has two ways back: through the piece, and past it
        da, g_attention = back_attention(dx)
        d, g_norm_1 = back_norm_1(da)
        return dx + d, g_2 | g_1 | g_norm_2 | g_attention | g_norm_1

    return x + y, back


# ------------------------------------------------------------------------------------------------ the whole net


def forward(net: GPT, tokens: np.ndarray):
    """Return logits (T, V) of the token after each, and the way back from them to all weights."""
    tokens, w = _tokens(net, tokens), net.weights
    x = w["E"][tokens] + w["P"][: len(tokens)]
    backs = []
    for l in range(net.depth):
        x, back_block = block(x, {name.removeprefix(f"{l}."): a for name, a in w.items()}, net.heads)
        backs.append(back_block)
    y, back_norm = norm(x, w, "")

    def back(dz):
        dx, g = back_norm(dz @ w["E"])
        for l in reversed(range(net.depth)):
            dx, own = backs[l](dx)
            g |= {f"{l}.{name}": array for name, array in own.items()}
        g["E"], g["P"] = dz.T @ y, np.zeros_like(w["P"])
        np.add.at(g["E"], tokens, dx)  # E wrote, and it read
        g["P"][: len(tokens)] = dx
        return g

    return y @ w["E"].T, back


def loss_and_gradient(net: GPT, tokens: np.ndarray) -> tuple[float, Arrays]:
    """Return the mean of -log p(next token) over a text, and its gradient for every weight."""
    tokens = _tokens(net, tokens, least=2)
    z, back = forward(net, tokens[:-1])
    p, rows = softmax(z), np.arange(len(z))
    loss = -np.mean(np.log(p[rows, tokens[1:]]))
    p[rows, tokens[1:]] -= 1  # of -log softmax, as for any softmax: what was said less what was so
    return float(loss), back(p / len(z))


def train(net: GPT, texts: list[np.ndarray], rate=0.01, steps=200) -> tuple[GPT, np.ndarray]:
    """Descend by Adam on the mean loss over all texts; return the net and the losses.

    Examples
    --------
    It learns a rule: after 0, 1, 2 comes 3, and after 3 comes 0, wherever one begins.

    >>> texts = [(np.arange(9) + first) % 4 for first in range(4)]
    >>> net = initialise(np.random.default_rng(0), symbols=4, longest=12, width=8)
    >>> net, losses = train(net, texts, steps=100)
    >>> bool(losses[0] > 1.3), bool(losses[-1] < 0.1), write(net, [2, 3], 6).tolist()
    (True, True, [2, 3, 0, 1, 2, 3, 0, 1])
    """
    losses = []
    shapes = [(name, array.shape) for name, array in net.weights.items()]
    ends = np.cumsum([array.size for array in net.weights.values()])[:-1]
    flat = lambda weights: np.concatenate([weights[name].ravel() for name, _ in shapes])

    def apart(theta):
        parts = np.split(theta, ends)
        return replace(net, weights={n: a.reshape(shape) for (n, shape), a in zip(shapes, parts, strict=True)})

    def slope(theta):
        found = [loss_and_gradient(apart(theta), text) for text in texts]
        losses.append(np.mean([loss for loss, _ in found]))
        return np.mean([flat(g) for _, g in found], axis=0)

    return apart(descent.descend("adam", slope, flat(net.weights), rate, steps)[-1]), np.array(losses)


def write(net: GPT, tokens, length: int, rng: np.random.Generator | None = None, temperature=1.0) -> np.ndarray:
    """Go on with a text: the likeliest token each time, or with `rng` one drawn from softmax(z / temperature)."""
    tokens = _tokens(net, tokens)
    for _ in range(length):
        z, _ = forward(net, tokens[-len(net.weights["P"]) :])
        p = softmax(z[-1:] / temperature)[0]
        tokens = np.append(tokens, p.argmax() if rng is None else rng.choice(len(p), p=p))
    return tokens


def _tokens(net: GPT, tokens, least: int = 1) -> np.ndarray:
    tokens, symbols = np.asarray(tokens), len(net.weights["E"])
    longest = len(net.weights["P"]) + least - 1  # the last token of a text that is learnt from is not read
    if tokens.ndim != 1 or tokens.dtype.kind != "i" or not least <= len(tokens) <= longest:
        raise ValueError(f"tokens has shape {tokens.shape}, but must be {least} to {longest} whole numbers; cut it.")
    if tokens.min() < 0 or tokens.max() >= symbols:
        raise ValueError(f"tokens holds {tokens.min()} to {tokens.max()}, but must hold 0 to {symbols - 1}; recode.")
    return tokens
