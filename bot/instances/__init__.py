"""Finding running instances: one shared reading of a portal's list for all who ask."""
