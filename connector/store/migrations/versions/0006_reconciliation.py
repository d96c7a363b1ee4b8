"""Reconciliation: what the books' sums were, and the differences between them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import connector.store.types

revision = '0006'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table('order_line', schema=None) as batch_op:
        for name in ('refunded_amount', 'subsidy'):
            batch_op.add_column(
                sa.Column(name, connector.store.types.Exact(), nullable=False, server_default='0')
            )
    op.create_table('reconciliation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('shop', sa.String(length=40), nullable=False),
    sa.Column('window_from', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('window_to', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('compared_at', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('sums', connector.store.types.ExactJson(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reconciliation')),
    sa.UniqueConstraint('shop', 'window_from', 'window_to', name=op.f('uq_reconciliation_shop_window_from_window_to'))
    )
    op.create_table('difference',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('shop', sa.String(length=40), nullable=False),
    sa.Column('number', sa.String(length=64), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('document', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('field', sa.String(length=30), nullable=False),
    sa.Column('book', sa.Integer(), nullable=False),
    sa.Column('storefront', sa.Text(), nullable=True),
    sa.Column('connector', sa.Text(), nullable=True),
    sa.Column('dms', sa.Text(), nullable=True),
    sa.Column('sap', sa.Text(), nullable=True),
    sa.Column('scaled', sa.Integer(), nullable=False),
    sa.Column('amount', connector.store.types.Exact(), nullable=False),
    sa.Column('ordered_storefront', connector.store.types.Exact(), nullable=False),
    sa.Column('ordered_dms', connector.store.types.Exact(), nullable=False),
    sa.Column('invoiced_dms', connector.store.types.Exact(), nullable=False),
    sa.Column('invoiced_sap', connector.store.types.Exact(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('placed_at', connector.store.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('since', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('solved_at', connector.store.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('explanation', sa.Text(), nullable=False),
    sa.Column('explained_by', sa.String(length=80), nullable=False),
    sa.Column('explained_at', connector.store.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('explained_values', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_difference')),
    sa.UniqueConstraint('shop', 'number', 'line', 'document', 'kind', 'field', 'book', name=op.f('uq_difference_shop_number_line_document_kind_field_book'))
    )
    with op.batch_alter_table('difference', schema=None) as batch_op:
        batch_op.create_index('ix_difference_state', ['shop', 'state', 'number'], unique=False)
        batch_op.create_index(batch_op.f('ix_difference_placed_at'), ['placed_at'], unique=False)


def downgrade() -> None:
    """Go back to the one before."""
    op.drop_table('difference')
    op.drop_table('reconciliation')
    with op.batch_alter_table('order_line', schema=None) as batch_op:
        for name in ('subsidy', 'refunded_amount'):
            batch_op.drop_column(name)
