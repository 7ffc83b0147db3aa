"""What deals are worth in their company's own currency: where rates come from, and which one counts for a deal."""

from pathlib import Path


def sample_file() -> Path:
    """Return a piece of the ECB's history, for machines without a network (sample/README.md tells what is in it)."""
    return Path(__file__).parent / "sample" / "eurofxref-hist.csv"
