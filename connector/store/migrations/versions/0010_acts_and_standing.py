"""What people asked for, and indices for looking at how the work stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import connector.store.types

revision = '0010'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table('act',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=80), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('what', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=80), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_act')),
    )
    op.create_index('ix_act_subject', 'act', ['subject'], unique=False)
    op.create_index(
        'ix_orders_standing', 'orders', ['stage', 'hold_cause', 'placed_at', 'deadline_at'],
        unique=False,
    )
    op.create_index('ix_document_untold', 'document', ['kind', 'written_back_at'], unique=False)


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_document_untold', table_name='document')
    op.drop_index('ix_orders_standing', table_name='orders')
    op.drop_index('ix_act_subject', table_name='act')
    op.drop_table('act')
