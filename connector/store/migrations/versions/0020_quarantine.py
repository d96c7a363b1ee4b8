"""The quarantine: what could not be taken, stored, read back or judged, with its bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import connector.store.types

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    moment = connector.store.types.UtcDateTime(timezone=True)
    op.create_table('quarantine',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(length=12), nullable=False),
    sa.Column('failed', sa.String(length=12), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('seen_in', sa.String(length=160), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('first_at', moment, nullable=False),
    sa.Column('last_at', moment, nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('closed_at', moment, nullable=True),
    sa.Column('closed_by', sa.String(length=80), nullable=False),
    sa.Column('closed_why', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quarantine')),
    sa.UniqueConstraint('key', 'failed', 'source', name=op.f('uq_quarantine_key_failed_source')),
    )
    op.create_index('ix_quarantine_state', 'quarantine', ['state', 'source'], unique=False)
    op.create_index('ix_orders_order_id', 'orders', ['order_id'], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_index('ix_orders_order_id', table_name='orders')
    op.drop_index('ix_quarantine_state', table_name='quarantine')
    op.drop_table('quarantine')
