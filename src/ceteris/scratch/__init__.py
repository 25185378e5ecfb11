"""The teaching module: learning from first principles, in NumPy, a page at a time.

Each file is written to be read aloud in class, and each is checked against the tools one would use in earnest
(scikit-learn, JAX, Optax) to rounding. In reading order:

- `perceptron`: one neuron that learns from its mistakes, or proves that it cannot;
- `mlp`: many of them in layers, with backpropagation by hand;
- `autodiff`: the same chain rule for any expression;
- `descent`: the ways downhill, one line each;
- `objectives`, `convergence`: how fast, by theorem and by measurement;
- `recurrent`: a net that reads a sequence, backpropagation through time, an LSTM;
- `attention`: looking up, which is kernel regression;
- `bpe`: how a text becomes tokens, by byte-pair encoding;
- `clusters`: groups without labels, by k-means and by a mixture of normals.

The references in brackets are lecture notes: [000] the script on deep learning for economics of the
University of Lausanne, chapter 1; [001] S. Scheidegger, Deep Learning, summer school 2021, day 1, whose
numbered equations on perceptrons are those of S. Marsland, Machine Learning: An Algorithmic Perspective
(2014); [003] T. Robinson, Neural Networks, Oxford Spring School 2025; [004] R. P. Zhang, AI for Business
Research, course notes 2025.

Examples
--------
Two of them together: minimise x^2 - 4 x by Adam, with the slope from our own automatic differentiation.

>>> def slope(theta):
...     x = autodiff.Value(theta[0])
...     return autodiff.gradient(x**2 - 4 * x, [x])[0]
>>> descent.descend("adam", slope, [0.0], rate=0.5, steps=300)[-1].round(6)
array([2.])
"""

from ceteris.scratch import (
    attention,
    autodiff,
    bpe,
    clusters,
    convergence,
    descent,
    mlp,
    objectives,
    perceptron,
    recurrent,
)

__all__ = [
    "attention",
    "autodiff",
    "bpe",
    "clusters",
    "convergence",
    "descent",
    "mlp",
    "objectives",
    "perceptron",
    "recurrent",
]
