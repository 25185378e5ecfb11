"""While `fit` runs, no library of linear algebra has threads of its own."""

import subprocess
import sys

SCRIPT = """
from ceteris.engine.fit import _threads
found = {library.filepath for library in _threads().select(user_api="blas").lib_controllers}
import scipy.linalg
from threadpoolctl import ThreadpoolController
assert found == {library.filepath for library in ThreadpoolController().select(user_api="blas").lib_controllers}
"""


def test_the_library_that_factorises_is_limited_from_the_first_fit_on():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert not done.returncode, done.stderr
