"""Mails that people trust: on a change, once, with what to do; grouped, and again when it is over."""
