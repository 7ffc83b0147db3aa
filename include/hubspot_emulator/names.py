"""Words that records are made of, with the scripts and the awkward characters that real ones have."""

CUSTOMERS = (
    "Müller & Söhne",
    "Acme Corporation",
    "株式会社さくら",
    "Zażółć S.A.",
    "O'Brien Logistics",
    "شركة النور",
    "Ångström Labs",
    'The "Quoted" Company',
    "Новая Волна",
    "Café Crème",
    "Tab\tSeparated Ltd",
    "Smith, Jones & Co.",
    "🚀 Rocket Science",
    "Globex",
    "Initech\nHoldings",
    "חברת הדוגמה",
    "<Angle> Brackets",
    "Back\\slash Inc",
)
PRODUCTS = ("Platform", "Analytics", "Support Gold", "Training", "Renewal", "Expansion", "Pilot", "Migration")
REASONS = ("Price", "Lost to a competitor", "No budget this year", "Timing")
PARTNERS = ("Northwind", "Contoso", "Fabrikam", "Tailspin Toys")
SENTENCES: tuple[str, ...] = (
    "The customer asked for net 60 and a quarterly review.",
    "Legal has the contract; expect an answer on Monday.\nSecond line of the note.",
    "Prix négocié avec remise de 5 % — à confirmer.",
    "数量割引の見積もりを送付済み。",
)
PEOPLE = ("Ana", "Björn", "Chloé", "Đorđe", "Emeka", "Fátima", "Giữ", "Håkon")
OWNERS = 12
_FIRST_OWNER = 70_001


def owner(noise: int) -> str:
    """Return the id of one of the portal's owners."""
    return str(_FIRST_OWNER + noise % OWNERS)
