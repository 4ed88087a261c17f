"""Which programmes a site offers; those that stand already offer every one."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

PROGRAMMES = ("us", "ca", "au", "nz", "uk")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "site_programme",
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("programme", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_programme_site_id_site")),
        sa.PrimaryKeyConstraint("site_id", "programme", name=op.f("pk_site_programme")),
    )
    for programme in PROGRAMMES:
        op.execute(f"insert into site_programme (site_id, programme) select id, '{programme}' from site")


def downgrade() -> None:
    """Go back."""
    op.drop_table("site_programme")
