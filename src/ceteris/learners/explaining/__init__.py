"""What a fitted learner has learnt: which columns matter, and how its predictions move with them."""
