"""HubSpot deals into PostgreSQL, complete and auditable, for sales commissions."""
