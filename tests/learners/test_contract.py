"""scikit-learn's own checks of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from ceteris.learners import NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor

SHUFFLED = (
    "rows are set aside and shuffled by position: twice a row is not the same draw as weight two "
    "(the loss is weighted exactly; test_estimators.py checks that)"
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": SHUFFLED,
    "check_sample_weight_equivalence_on_sparse_data": SHUFFLED,
}
# fewer and smaller nets than the defaults: these checks fit hundreds of times
SMALL = {"members": 2, "widths": (16,), "weight_decay": 0.3, "epochs": 80}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [NeuralRegressor(**SMALL), NeuralClassifier(**SMALL), NeuralQuantileRegressor(**SMALL)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
