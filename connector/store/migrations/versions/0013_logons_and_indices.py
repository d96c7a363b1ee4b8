"""Logons that SAP refused, and indices for what is asked each day and each tick."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import connector.store.types

revision = '0013'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table('refused_logon',
    sa.Column('system', sa.String(length=20), nullable=False),
    sa.Column('salt', sa.String(length=32), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('said', sa.Text(), nullable=False),
    sa.Column('at', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('system', name=op.f('pk_refused_logon')),
    )
    op.create_index('ix_document_came', 'document', ['kind', 'at'], unique=False)
    op.create_index('ix_after_sale_refunded_at', 'after_sale', ['refunded_at'], unique=False)
    op.create_index(
        'ix_job_run_state', 'job_run', ['state', 'job', 'scope', 'window_to'], unique=False
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index('ix_job_run_state', table_name='job_run')
    op.drop_index('ix_after_sale_refunded_at', table_name='after_sale')
    op.drop_index('ix_document_came', table_name='document')
    op.drop_table('refused_logon')
