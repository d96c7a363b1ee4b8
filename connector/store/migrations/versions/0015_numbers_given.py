"""Numbers that another system gave before they were committed, and calls by when they were sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from connector.store.types import ExactJson

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table('outbound_call', schema=None) as batch_op:
        batch_op.add_column(sa.Column('given', ExactJson(), nullable=True))
        batch_op.create_index('ix_outbound_call_sent', ['operation', 'sent_at'], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    with op.batch_alter_table('outbound_call', schema=None) as batch_op:
        batch_op.drop_index('ix_outbound_call_sent')
        batch_op.drop_column('given')
