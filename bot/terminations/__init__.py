"""The story of one termination: asked for, authorised, confirmed, executed, watched, told."""
