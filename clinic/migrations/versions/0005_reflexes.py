"""Findings behind an examination, and who added or withdrew one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("requirement") as requirement:
        requirement.add_column(sa.Column("findings", sa.Text(), nullable=True))
        requirement.add_column(sa.Column("ceased_at", sa.DateTime(timezone=True), nullable=True))
        requirement.add_column(sa.Column("added_by_id", sa.String(length=36), nullable=True))
        requirement.add_column(sa.Column("added_reason", sa.Text(), nullable=True))
        requirement.add_column(sa.Column("ended_by_id", sa.String(length=36), nullable=True))
        requirement.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        requirement.add_column(sa.Column("ended_reason", sa.Text(), nullable=True))
        requirement.create_foreign_key("fk_requirement_added_by_id", "user", ["added_by_id"], ["id"])
        requirement.create_foreign_key("fk_requirement_ended_by_id", "user", ["ended_by_id"], ["id"])


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("requirement") as requirement:
        requirement.drop_constraint("fk_requirement_ended_by_id", type_="foreignkey")
        requirement.drop_constraint("fk_requirement_added_by_id", type_="foreignkey")
        for name in ("ended_reason", "ended_at", "ended_by_id", "added_reason", "added_by_id", "ceased_at", "findings"):
            requirement.drop_column(name)
