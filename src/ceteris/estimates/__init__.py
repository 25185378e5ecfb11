"""What belongs to estimates: what they say of themselves, their figures, their printed table, several side by side."""
