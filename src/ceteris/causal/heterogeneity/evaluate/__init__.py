"""Whether estimated effects rank, fit and sort the units they were not learnt from; one method a file."""
