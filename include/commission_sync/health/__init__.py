"""Whether companies are well served, judged from the database alone: HubSpot is never asked."""
