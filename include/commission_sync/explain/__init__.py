"""Explains a number: from HubSpot's history by way of mapping, formula and rate to commission and write-back."""
