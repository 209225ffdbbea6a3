"""Local stand-ins for the services that Haltbot talks to, with those services' rules."""
