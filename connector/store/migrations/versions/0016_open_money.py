"""Money that no line of an order explains, carried with its after-sale until it is zero."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connector.store.types import Exact

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table('after_sale', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('open_money', Exact(), server_default='0', nullable=False)
        )
        batch_op.create_index('ix_after_sale_open_money', ['open_money'], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table('after_sale', schema=None) as batch_op:
        batch_op.drop_index('ix_after_sale_open_money')
        batch_op.drop_column('open_money')
