"""Values and rules of terminations, instances and channels: pure, and on the standard library alone."""
