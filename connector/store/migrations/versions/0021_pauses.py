"""Systems whose calls a person keeps back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connector.store.types import UtcDateTime

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        'pause',
        sa.Column('system', sa.String(length=40), nullable=False),
        sa.Column('since', UtcDateTime(timezone=True), nullable=False),
        sa.Column('until', UtcDateTime(timezone=True), nullable=True),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('actor', sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint('system', name=op.f('pk_pause')),
    )


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table('pause')
