"""Learning: the loop over steps, evaluations and epochs, and what it needs. Trainers are in a folder for each model."""
