"""Promises, alerts, and when personal data was masked and dropped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import connector.store.types

revision = '0005'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    moment = connector.store.types.UtcDateTime(timezone=True)
    op.create_table('promise',
    sa.Column('order_pk', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('promise', sa.String(length=12), nullable=False),
    sa.Column('business_units', sa.String(length=200), nullable=False),
    sa.Column('placed_at', moment, nullable=False),
    sa.Column('warn_at', moment, nullable=False),
    sa.Column('due_at', moment, nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('reached_at', moment, nullable=True),
    sa.Column('cause', sa.String(length=20), nullable=False),
    sa.Column('warned_at', moment, nullable=True),
    sa.Column('noticed_at', moment, nullable=True),
    sa.ForeignKeyConstraint(['order_pk'], ['orders.id'], name=op.f('fk_promise_order_pk_orders')),
    sa.PrimaryKeyConstraint('order_pk', 'promise', name=op.f('pk_promise')),
    )
    op.create_index('ix_promise_state', 'promise', ['state', 'order_pk'], unique=False)
    op.create_index('ix_promise_due', 'promise', ['due_at'], unique=False)
    op.create_table('alert',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('subject', sa.String(length=60), nullable=False),
    sa.Column('role', sa.String(length=12), nullable=False),
    sa.Column('since', moment, nullable=False),
    sa.Column('opened_at', moment, nullable=False),
    sa.Column('seen_at', moment, nullable=False),
    sa.Column('closed_at', moment, nullable=True),
    sa.Column('orders', sa.Integer(), nullable=False),
    sa.Column('detail', connector.store.types.ExactJson(), nullable=False),
    sa.Column('told', sa.Integer(), nullable=False),
    sa.Column('told_at', moment, nullable=True),
    sa.Column('next_at', moment, nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert')),
    )
    op.create_index('ix_alert_open', 'alert', ['closed_at', 'key'], unique=False)
    op.create_index('ix_alert_next', 'alert', ['next_at'], unique=False)
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('masked_at', moment, nullable=True))
        batch_op.add_column(sa.Column('dropped_at', moment, nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.drop_column('dropped_at')
        batch_op.drop_column('masked_at')
    op.drop_index('ix_alert_next', table_name='alert')
    op.drop_index('ix_alert_open', table_name='alert')
    op.drop_table('alert')
    op.drop_index('ix_promise_due', table_name='promise')
    op.drop_index('ix_promise_state', table_name='promise')
    op.drop_table('promise')
