"""What the neural learners share: from a checked table to a trained ensemble, and to disk and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.engine import load_weights, save_weights
from ceteris.engine.checkpoint import read_facts
from ceteris.learners import network, table, target
