"""Tells trouble before the incident."""
