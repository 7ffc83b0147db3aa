"""Sends mails through Airflow's SMTP connection."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.configuration import conf


class MessageHook(SmtpHook):
    """The provider's hook, for messages that are composed already: its own ones have HTML and no text."""

    def send(self, message: EmailMessage) -> None:
        """Send a message to whom it names; the sender is the connection's."""
        message["From"] = self.from_email or conf.get("email", "from_email", fallback="airflow@localhost")
        message["Date"] = formatdate()
        assert self._smtp_client is not None, "the hook is used as a context manager"
        self._smtp_client.send_message(message)


def send(message: EmailMessage) -> None:
    """Send a message through the connection that `[email] email_conn_id` names, `smtp_default` unless set."""
    name = conf.get("email", "email_conn_id", fallback=SmtpHook.default_conn_name)
    hook = MessageHook(smtp_conn_id=name)
    with hook:
        hook.send(message)
