"""``python -m ceteris.cli``."""

from ceteris.cli import main

main()
