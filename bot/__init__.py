"""Haltbot: start it with ``__main__``, see how it is put together in ``app``; everything else has a package of its own."""
