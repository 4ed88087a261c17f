"""Treatments that decide a class."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "treatment",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("disease", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=True),
        sa.Column("regimen", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("is_supervised", sa.Boolean(), nullable=False),
        sa.Column("is_refused_here", sa.Boolean(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("doses_planned", sa.Integer(), nullable=True),
        sa.Column("doses_given", sa.Integer(), nullable=True),
        sa.Column("doses_missed", sa.Integer(), nullable=True),
        sa.Column("cultures_negative_on", sa.Date(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("series_id", sa.String(length=36), nullable=False),
        sa.Column("entered_by_id", sa.String(length=36), nullable=False),
        sa.Column("confirmed_by_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_treatment_case_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["user.id"], name=op.f("fk_treatment_confirmed_by_id")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["user.id"], name=op.f("fk_treatment_entered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_treatment")),
    )
    op.create_index("ix_treatment_case", "treatment", ["case_id", "disease"])
    op.create_index(op.f("ix_treatment_series_id"), "treatment", ["series_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("treatment")
