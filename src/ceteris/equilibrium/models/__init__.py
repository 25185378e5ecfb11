"""Models of the literature, one file each, equations and reference on top."""
