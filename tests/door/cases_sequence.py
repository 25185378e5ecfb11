"""Equilibria in prices, detectors of cycles, models of volatility."""

from ceteris.sequence import (
    CycleClassifier,
    FactorModel,
    InContextFit,
    InContextLearner,
    MixedFrequencyFit,
    MixedFrequencyRegression,
    Nowcaster,
    NowcastFit,
    PricingEquilibrium,
    RiskBacktest,
    Volatility,
    VolatilityComparison,
    VolatilityFit,
    VolatilityNet,
    VolatilityNetFit,
    compare_volatility,
    edgeworth_cycle,
    simulate_garch,
    simulate_stations,
)
from door.case import Case

PANEL = simulate_stations(24, 30)
MONTHLY, QUARTERLY = FactorModel((0.9, 0.7)).simulate(60)
RETURNS = simulate_garch(500)[0]

CASES = {
    PricingEquilibrium: Case(edgeworth_cycle, lambda found: [found.reaction, found.long_run, found.simulate(5)]),
    CycleClassifier: Case(
        lambda: CycleClassifier(width=4, members=1, epochs=2, random_state=0).fit(PANEL.prices, PANEL.cycling),
        lambda net: net.predict_proba(PANEL.prices),
    ),
    VolatilityFit: Case(
        lambda: Volatility("gjr").fit(RETURNS),
        lambda fit: [fit.parameters, fit.filter(RETURNS), fit.forecast(5)],
    ),
    RiskBacktest: Case(
        lambda: Volatility().fit(RETURNS).backtest(RETURNS), lambda found: [found.tests, found.forecasts]
    ),
    VolatilityNetFit: Case(
        lambda: VolatilityNet(members=1, steps=20).fit(RETURNS),
        lambda fit: [fit.filter(RETURNS), fit.course, fit.gain],
    ),
    VolatilityComparison: Case(
        lambda: compare_volatility(RETURNS, net=None), lambda found: [found.table, found.variances]
    ),
    InContextFit: Case(
        lambda: InContextLearner(context=4, width=4, depth=1, heads=1, steps=4, batch_size=8).fit(100),
        lambda fit: [fit.table, fit.predict([[1.0, 0.5, 0.2]])],
    ),
    MixedFrequencyFit: Case(
        lambda: MixedFrequencyRegression(lags=6).fit(MONTHLY, QUARTERLY),
        lambda fit: [fit.weights, fit.effects, fit.predict(MONTHLY, QUARTERLY)],
    ),
    NowcastFit: Case(
        lambda: Nowcaster((0, 1), members=2, epochs=3).fit(MONTHLY, QUARTERLY),
        lambda fit: [fit.nowcasts(MONTHLY, QUARTERLY, 2), fit.course],
    ),
}
