"""Who may do what, by Airflow's own permissions."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException


def _who_may_connect(user: GetUserDep) -> BaseUser:
    """Return the user if they may add connections: that is what a consent amounts to."""
    if not get_auth_manager().is_authorized_connection(method="POST", user=user):
        raise HTTPException(403, "connecting a company to HubSpot needs the right to add connections in Airflow")
    return user


MayConnect = Annotated[BaseUser, Depends(_who_may_connect)]
