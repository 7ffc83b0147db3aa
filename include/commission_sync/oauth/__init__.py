"""How a company's portal is opened by OAuth: the consent, the scopes that it needs, and tokens that stay fresh."""
