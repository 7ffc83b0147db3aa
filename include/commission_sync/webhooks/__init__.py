"""HubSpot's webhooks: an inbox that loses nothing, and the records that its events speak of, read afresh."""
