"""Requests to amend a signed case."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "amendment_request",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.String(length=36), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by_id", sa.String(length=36), nullable=True),
        sa.Column("declined_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["asked_by_id"], ["user.id"], name=op.f("fk_amendment_request_asked_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_amendment_request_case_id")),
        sa.ForeignKeyConstraint(["settled_by_id"], ["user.id"], name=op.f("fk_amendment_request_settled_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amendment_request")),
    )
    op.create_index(op.f("ix_amendment_request_case_id"), "amendment_request", ["case_id"])
    waiting = sa.text("settled_at is null")
    op.create_index("ix_amendment_request_open", "amendment_request", ["case_id"], sqlite_where=waiting,
                    postgresql_where=waiting)


def downgrade() -> None:
    """Go back."""
    op.drop_table("amendment_request")
