"""Sign-ins as rows, and what was typed on a page when it was locked."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward. Whoever is signed in by a cookie alone signs in once more."""
    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=40), nullable=True),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("browser", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_sign_in_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_user_id"), "sign_in", ["user_id"])
    op.create_index(op.f("ix_sign_in_ended_at"), "sign_in", ["ended_at"])
    op.create_table(
        "unsaved_page",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("address", sa.String(length=2000), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_unsaved_page_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unsaved_page")),
    )
    op.create_index(op.f("ix_unsaved_page_user_id"), "unsaved_page", ["user_id"])
    op.create_index(op.f("ix_unsaved_page_kept_at"), "unsaved_page", ["kept_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("unsaved_page")
    op.drop_table("sign_in")
