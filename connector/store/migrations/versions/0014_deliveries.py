"""Several deliveries of an order: what is short goes with a later one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('backorder', sa.String(length=20), nullable=True))
    with op.batch_alter_table('allocation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('delivery', sa.Integer(), server_default='1', nullable=False))
        batch_op.add_column(sa.Column('wave_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_allocation_wave_id_wave'), 'wave', ['wave_id'], ['id']
        )
        batch_op.create_index(batch_op.f('ix_allocation_wave_id'), ['wave_id'], unique=False)
        batch_op.drop_constraint('uq_allocation_order_pk_line_number', type_='unique')
        batch_op.create_unique_constraint(
            batch_op.f('uq_allocation_order_pk_line_number_delivery'),
            ['order_pk', 'line_number', 'delivery'],
        )
    # What a wave took already is not to be taken by another.
    op.execute(
        "UPDATE allocation SET wave_id = (SELECT MAX(w.id) FROM wave w"
        " JOIN wave_order o ON o.wave_id = w.id"
        " JOIN order_line l ON l.order_pk = o.order_pk AND l.business_unit = w.business_unit"
        " WHERE o.released AND o.order_pk = allocation.order_pk"
        " AND l.number = allocation.line_number)"
    )


def downgrade() -> None:
    """Go back to the one before. Raises when an order has more than one delivery."""
    with op.batch_alter_table('allocation', schema=None) as batch_op:
        batch_op.drop_constraint('uq_allocation_order_pk_line_number_delivery', type_='unique')
        batch_op.create_unique_constraint(
            'uq_allocation_order_pk_line_number', ['order_pk', 'line_number']
        )
        batch_op.drop_index(batch_op.f('ix_allocation_wave_id'))
        batch_op.drop_constraint(batch_op.f('fk_allocation_wave_id_wave'), type_='foreignkey')
        batch_op.drop_column('wave_id')
        batch_op.drop_column('delivery')
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.drop_column('backorder')
