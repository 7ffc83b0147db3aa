"""What keeps a database from being adopted or given back."""


class AdoptionRefused(Exception):
    """Something has to be put right first; nothing was changed, and the text is for the person as it is."""
