"""How the authority was called when somebody consented: what was signed does not change with a later name."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("consent", sa.Column("authority_name", sa.String(160), nullable=True))
    op.execute("""update consent set authority_name = (
        select authority.name from authority join health_case on health_case.authority_id = authority.id
        where health_case.id = consent.case_id)""")


def downgrade() -> None:
    """Go back."""
    op.drop_column("consent", "authority_name")
