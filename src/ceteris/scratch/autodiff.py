"""Reverse-mode automatic differentiation of scalars: the chain rule, run backwards over a record.

Every operation makes a `Value`: a number, and a note of which values it came from with the local derivative
towards each. For z = x y the note says dz/dx = y and dz/dy = x. That record is a graph. To differentiate
the output f, give it the adjoint df/df = 1 and walk the graph from the output to the inputs; each value
passes on to its parents

    df/dparent  +=  df/dvalue * dvalue/dparent                             [000], 1.6.4; Linnainmaa (1970)

A value may be passed on only once all of its children have reported, hence a topological order. Here each
value carries a rank, one more than the highest of its parents; falling rank is such an order. The whole
gradient costs a small multiple of one evaluation of f, whatever the number of inputs: this is why nets can
be trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


class Value:
    """A number that remembers where it came from.

    Parameters
    ----------
    data : float
        The number.
    parents : sequence of (Value, float)
        What it was computed from, each with the derivative of this value with respect to it.

    Examples
    --------
    >>> x, y = Value(3.0), Value(2.0)
    >>> z = x * y + x**2
    >>> z.data, gradient(z, [x, y])
    (15.0, [8.0, 3.0])
    """

    __slots__ = ("data", "parents", "rank")

    def __init__(self, data: float, parents: Sequence[tuple[Value, float]] = ()):
        self.data, self.parents = float(data), tuple(parents)
        self.rank = 1 + max((p.rank for p, _ in parents), default=-1)

    def __repr__(self) -> str:
        return f"Value({self.data:g})"

    def __add__(self, other):
        other = lift(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = lift(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, n):
        """Raise to a fixed power; a power that is itself a Value goes through exp(n log x)."""
        if isinstance(n, Value):
            return exp(n * log(self))
        _domain(self.data >= 0 or float(n).is_integer(), "a fractional power", self.data, "zero or more")
        _domain(self.data != 0 or n >= 1 or n == 0, "this power's slope", self.data, "different from zero")
        return Value(self.data**n, [(self, n * self.data ** (n - 1) if n else 0.0)])

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -lift(other)

    def __truediv__(self, other):
        return self * lift(other) ** -1

    def __rsub__(self, other):
        return lift(other) - self

    def __rtruediv__(self, other):
        return lift(other) / self

    def __rpow__(self, base):
        return lift(base) ** self

    __radd__, __rmul__ = __add__, __mul__


def lift(x: Value | float) -> Value:
    """Treat a plain number as a value without parents."""
    return x if isinstance(x, Value) else Value(x)


def exp(x: Value) -> Value:
    """e^x, its own derivative."""
    y = math.exp(x.data)
    return Value(y, [(x, y)])


def log(x: Value) -> Value:
    """Natural logarithm; derivative 1 / x."""
    _domain(x.data > 0, "log", x.data, "above zero")
    return Value(math.log(x.data), [(x, 1.0 / x.data)])


def tanh(x: Value) -> Value:
    """Hyperbolic tangent; derivative 1 - tanh^2."""
    y = math.tanh(x.data)
    return Value(y, [(x, 1.0 - y * y)])


def logistic(x: Value) -> Value:
    """1 / (1 + e^-x), written with tanh so that it never overflows; derivative y (1 - y)."""
    y = 0.5 * (1.0 + math.tanh(0.5 * x.data))
    return Value(y, [(x, y * (1.0 - y))])


def relu(x: Value) -> Value:
    """max(0, x); at the kink we take the derivative 0."""
    return Value(max(0.0, x.data), [(x, float(x.data > 0))])


def gradient(output: Value, inputs: Sequence[Value]) -> list[float]:
    """Return d output / d input for each input, by one walk back over the record."""
    reached, stack = {output}, [output]
    while stack:  # a stack of our own: recursion would limit the depth of the graph
        new = {parent for parent, _ in stack.pop().parents} - reached
        reached |= new
        stack.extend(new)
    adjoint = dict.fromkeys(reached, 0.0) | {output: 1.0}
    for value in sorted(reached, key=lambda v: -v.rank):
        for parent, slope in value.parents:
            adjoint[parent] += adjoint[value] * slope
    return [adjoint.get(x, 0.0) for x in inputs]


def neuron(w: Sequence[Value], x: Sequence, activation: Callable[[Value], Value]) -> Value:
    """g(w_0 + w_1 x_1 + ... + w_m x_m): source [000], section 1.5."""
    return activation(sum((wi * xi for wi, xi in zip(w[1:], x, strict=True)), w[0]))


def network(layers: Sequence[Sequence[Sequence[Value]]], x: Sequence, hidden=tanh, output=lift) -> list[Value]:
    """Apply layer after layer of neurons to x; ``layers[l][j]`` holds the weights of neuron j, bias first.

    Examples
    --------
    >>> w = [[[Value(0.0), Value(1.0), Value(1.0)]], [[Value(1.0), Value(2.0)]]]
    >>> network(w, [0.5, -0.5])
    [Value(1)]
    """
    for layer in layers[:-1]:
        x = [neuron(w, x, hidden) for w in layer]
    return [neuron(w, x, output) for w in layers[-1]]


def _domain(fine: bool, what: str, given: float, allowed: str) -> None:
    if not fine:
        raise ValueError(f"{what} was asked of {given:g}; its argument must be {allowed}.")
