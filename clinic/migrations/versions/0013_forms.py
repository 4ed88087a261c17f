"""Replaced versions of completed forms, and what was typed when a session ended."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "form_version",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("response_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("form_version", sa.String(length=20), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_by_id", sa.String(length=36), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["form_response.id"], name=op.f("fk_form_version_response_id")),
        sa.ForeignKeyConstraint(["completed_by_id"], ["user.id"], name=op.f("fk_form_version_completed_by_id")),
        sa.ForeignKeyConstraint(["replaced_by_id"], ["user.id"], name=op.f("fk_form_version_replaced_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_version")),
        sa.UniqueConstraint("response_id", "number", name=op.f("uq_form_version_response_id_number")),
    )
    op.create_table(
        "kept_input",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("form", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_kept_input_user_id")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_kept_input_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_input")),
        sa.UniqueConstraint("user_id", "case_id", "form", name=op.f("uq_kept_input_user_id_case_id_form")),
    )
    op.create_index(op.f("ix_kept_input_case_id"), "kept_input", ["case_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("kept_input")
    op.drop_table("form_version")
