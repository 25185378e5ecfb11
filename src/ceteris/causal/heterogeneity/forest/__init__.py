"""The engine of all forests: bins, trees grown on pseudo-outcomes, moments averaged over trees, little bags.

`targets` says what is estimated, `growth` how trees are grown, `grow` and `walk` hold the compiled loops, `forest` puts
them together, `variance` turns the spread between little bags into standard errors.
"""
