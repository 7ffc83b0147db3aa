"""What deals are worth in their company's own currency: where rates come from, and which one counts for a deal."""
