"""Sputum by the hour: when and how a specimen was taken, who watched, what was inoculated; a result's parent."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for column in (
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collection", sa.String(length=40), nullable=True),
        sa.Column("observed_by_id", sa.String(length=36), nullable=True),
        sa.Column("purpose", sa.String(length=40), nullable=False, server_default="diagnosis"),
        sa.Column("treatment_month", sa.Integer(), nullable=True),
        sa.Column("inoculated_on", sa.Date(), nullable=True),
        sa.Column("media", sa.String(length=20), nullable=True),
    ):
        op.add_column("specimen", column)
    op.add_column("lab_result", sa.Column("parent_series_id", sa.String(length=36), nullable=True))
