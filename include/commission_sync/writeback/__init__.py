"""Commissions back onto the deals: a plan that people can look at, agree to, apply, verify and undo."""
