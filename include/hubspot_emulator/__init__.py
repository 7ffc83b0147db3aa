"""A HubSpot on localhost, held to how the real one behaves."""
