"""Vaccine doses: kind of record, body site, route, who gave; lines: what the rules proposed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("vaccine_dose") as table:
        for name in ("record_kind", "body_site", "route"):
            table.add_column(sa.Column(name, sa.String(length=40), nullable=True))
        table.add_column(sa.Column("given_by_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_vaccine_dose_given_by_id"), "user", ["given_by_id"], ["id"])
    with op.batch_alter_table("vaccine_line") as table:
        table.add_column(sa.Column("proposed", sa.String(length=40), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("vaccine_line") as table:
        table.drop_column("proposed")
    with op.batch_alter_table("vaccine_dose") as table:
        table.drop_constraint("fk_vaccine_dose_given_by_id", type_="foreignkey")
        for name in ("given_by_id", "route", "body_site", "record_kind"):
            table.drop_column(name)
