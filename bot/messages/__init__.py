"""Every word and every Block Kit layout that a person sees; pure functions of the domain's values."""
