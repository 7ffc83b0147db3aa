"""What the sync costs, each figure beside the floor or the target that it is held to."""
