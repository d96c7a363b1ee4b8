"""What all tables have in common."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from connector.store.types import Exact, ExactJson, ExactJsonList, UtcDateTime


class Base(DeclarativeBase):
    """Base of all tables; names of constraints are fixed so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (read by SQLAlchemy in this form)
        datetime: UtcDateTime,
        Decimal: Exact,
        dict[str, Any]: ExactJson,
        list[Any]: ExactJsonList,
    }
