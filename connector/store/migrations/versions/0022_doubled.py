"""Calls whose document may be there twice are found without walking all calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    few = sa.text("code = 'doubled'")
    op.create_index(
        'ix_outbound_call_doubled',
        'outbound_call',
        ['order_pk'],
        sqlite_where=few,
        postgresql_where=few,
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_index('ix_outbound_call_doubled', table_name='outbound_call')
