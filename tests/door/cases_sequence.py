"""Equilibria in prices, detectors of cycles."""

from ceteris.sequence import CycleClassifier, PricingEquilibrium, edgeworth_cycle, simulate_stations
from door.case import Case

PANEL = simulate_stations(24, 30)

CASES = {
    PricingEquilibrium: Case(edgeworth_cycle, lambda found: [found.reaction, found.long_run, found.simulate(5)]),
    CycleClassifier: Case(
        lambda: CycleClassifier(width=4, members=1, epochs=2, random_state=0).fit(PANEL.prices, PANEL.cycling),
        lambda net: net.predict_proba(PANEL.prices),
    ),
}
