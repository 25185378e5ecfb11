"""Forecasts of time series: nets beside the methods that are hard to beat, with intervals that cover."""
