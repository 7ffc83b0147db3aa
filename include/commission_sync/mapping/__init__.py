"""What a company's own fields mean: HubSpot properties mapped to them, and fields calculated from those."""
