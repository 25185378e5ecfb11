"""The command `ceteris`, run in this process."""

import pytest

from ceteris import cli


def call(capsys, *words):
    """Run a command; return its exit code, what it printed and what it complained of."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in words])
    return end.value.code or 0, *capsys.readouterr()
