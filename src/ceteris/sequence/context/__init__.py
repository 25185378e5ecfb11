"""Learning in context: a net that predicts new series without training, and the predictors that it is held against."""
