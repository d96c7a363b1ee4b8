"""How often a call was asked about in vain and sent again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table('outbound_call', schema=None) as batch_op:
        batch_op.add_column(sa.Column('absent', sa.Integer(), server_default='0', nullable=False))


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table('outbound_call', schema=None) as batch_op:
        batch_op.drop_column('absent')
