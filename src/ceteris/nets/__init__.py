"""Hypotheses and losses: networks as pytrees, output heads, losses per row, penalties."""

from ceteris.arguments import choose
from ceteris.nets.activations import (
    ACTIVATIONS,
    activation,
    elu,
    gelu,
    identity,
    leaky_relu,
    mish,
    relu,
    sigmoid,
    softplus,
    swish,
    tanh,
)
from ceteris.nets.coder import Coder
from ceteris.nets.cohorts import Cohorts
from ceteris.nets.conditionals import Conditionals
from ceteris.nets.deep_set import DeepSet
from ceteris.nets.heads import Interval, positive, probabilities, quantiles, share
from ceteris.nets.initialisers import (
    INITIALISERS,
    default_initialiser,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    initialiser,
    lecun_normal,
    orthogonal,
    zeros,
)
from ceteris.nets.linear_plus import LinearPlus, linear_plus
from ceteris.nets.losses import (
    Huber,
    Pinball,
    absolute,
    binary_cross_entropy,
    categorical_cross_entropy,
    squared,
    weighted_mean,
)
from ceteris.nets.mlp import MLP, Dense, Layer
from ceteris.nets.net import (
    AbstractConstants,
    AbstractNet,
    AbstractStateless,
    no_buffers,
    trainable,
    with_buffers,
)
from ceteris.nets.normalise import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Moments, RMSNorm
from ceteris.nets.penalties import elastic_net, l1, l2, weight_matrices
from ceteris.nets.pooling import Powers, attended, pooled_mean
from ceteris.nets.random_features import RandomFeatures
from ceteris.nets.scaling import Scaled, Standardise, scaled, standardise

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "MLP",
    "AbstractConstants",
    "AbstractNet",
    "AbstractStateless",
    "BatchNorm",
    "Coder",
    "Cohorts",
    "Conditionals",
    "DeepSet",
    "Dense",
    "GroupNorm",
    "Huber",
    "InstanceNorm",
    "Interval",
    "Layer",
    "LayerNorm",
    "LinearPlus",
    "Moments",
    "Pinball",
    "Powers",
    "RMSNorm",
    "RandomFeatures",
    "Scaled",
    "Standardise",
    "absolute",
    "activation",
    "attended",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "choose",
    "default_initialiser",
    "elastic_net",
    "elu",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "initialiser",
    "l1",
    "l2",
    "leaky_relu",
    "lecun_normal",
    "linear_plus",
    "mish",
    "no_buffers",
    "orthogonal",
    "positive",
    "probabilities",
    "quantiles",
    "relu",
    "scaled",
    "share",
    "sigmoid",
    "softplus",
    "squared",
    "standardise",
    "swish",
    "tanh",
    "trainable",
    "weight_matrices",
    "weighted_mean",
    "with_buffers",
    "zeros",
]
