"""Mixed frequencies: regressions on lags of months, nowcasts with a ragged edge, the factor model that judges them."""
