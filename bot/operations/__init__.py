"""Day two: examining, backing up, moving, pruning, practising, and the manifest."""
