"""How much returns vary: GARCH and its kin, a net that starts from them, value at risk and its backtests."""
