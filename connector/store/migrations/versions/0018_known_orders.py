"""Orders that were completed before the connector's first day have a stage of their own."""

from __future__ import annotations

from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

# The first event of an order tells how it was taken in; an older version kept its words alone.
_TAKEN_AS_KNOWN = (
    "EXISTS (SELECT 1 FROM event e WHERE e.order_pk = orders.id AND e.kind = 'received'"
    " AND (e.text LIKE '%completed_before_taken%'"
    " OR e.text LIKE 'completed in the storefront before the connector%'))"
)


def upgrade() -> None:
    """Go to this revision."""
    op.execute(f"UPDATE orders SET stage = 'known' WHERE stage = 'closed' AND {_TAKEN_AS_KNOWN}")


def downgrade() -> None:
    """Go back to the one before."""
    op.execute("UPDATE orders SET stage = 'closed' WHERE stage = 'known'")
