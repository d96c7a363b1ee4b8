"""Differences and entries of settlements name their currency: no total is of several."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connector.store.types import String

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    for table in ('difference', 'settlement_entry'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column('currency', String(length=8), server_default='', nullable=False)
            )


def downgrade() -> None:
    """Go back to the one before."""
    for table in ('difference', 'settlement_entry'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column('currency')
