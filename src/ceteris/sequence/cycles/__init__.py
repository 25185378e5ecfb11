"""Edgeworth cycles of prices: the equilibrium of Maskin and Tirole, panels of stations, who is in a cycle, who turns."""
