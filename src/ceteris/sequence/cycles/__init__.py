"""Edgeworth cycles of prices: the equilibrium of Maskin and Tirole, stations, who is in a cycle, who turns."""
