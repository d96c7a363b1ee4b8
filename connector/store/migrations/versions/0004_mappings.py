"""Versions of the mappings, and what IT should look at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import connector.store.types

revision = '0004'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table('mapping_version',
    sa.Column('version', sa.String(length=12), nullable=False),
    sa.Column('files', connector.store.types.ExactJson(), nullable=False),
    sa.Column('first_at', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_mapping_version')),
    )
    op.create_table('mapping_notice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('place', sa.String(length=80), nullable=False),
    sa.Column('what', sa.String(length=400), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('first_at', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_at', connector.store.types.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mapping_notice')),
    sa.UniqueConstraint('kind', 'place', 'what', name=op.f('uq_mapping_notice_kind_place_what')),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('mapping_notice')
    op.drop_table('mapping_version')
