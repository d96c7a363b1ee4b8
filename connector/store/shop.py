"""The one shop whose orders a database holds: orders, customers and books of two would mix."""

from __future__ import annotations

from sqlalchemy import func, select, union_all

from connector.errors import Misconfigured
from connector.store.database import Database
from connector.store.tables import OrderRow


def refuse_other_shop(database: Database, shop: str) -> None:
    """Refuse a database whose orders bear the name of another shop. Raises Misconfigured.

    A database without orders is any shop's; a restored one is that of its orders.
    """
    # Both ends of an index: as quick with a million orders as with one.
    ends = union_all(select(func.min(OrderRow.shop)), select(func.max(OrderRow.shop)))
    with database.reading() as session:
        others = sorted({name for name in session.scalars(ends) if name and name != shop})
    if others:
        names = " and ".join(repr(name) for name in others)
        raise Misconfigured(
            f"the database holds orders of the shop {names}, and the settings name {shop!r}",
            place="shop",
            remedy=f"set `shop: {others[0]}` again, or give {shop!r} a database and an output"
            " folder of its own: two shops on one database would change each other's orders",
        )
