"""Learning from trajectories: advantages, losses, packing, the learner and the trainer."""
