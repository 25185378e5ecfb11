"""Figures as pictures: one house style, every text legible, the same picture on every machine."""

from ceteris.drawing.style import CYCLES, PAGES, inline, pdf, png, style, svg

__all__ = ["CYCLES", "PAGES", "inline", "pdf", "png", "style", "svg"]
