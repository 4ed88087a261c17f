"""Cultures that grew are found by an index of their own: the clock looked at every specimen of a year for them."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NAME, GROWN = "ix_lab_result_grown", "test = 'sputum-culture' and value = 'mtb' and superseded_at is null"


def upgrade() -> None:
    """Go forward."""
    op.create_index(NAME, "lab_result", ["performed_on", "specimen_id"], sqlite_where=sa.text(GROWN),
                    postgresql_where=sa.text(GROWN))


def downgrade() -> None:
    """Go back."""
    op.drop_index(NAME, table_name="lab_result")
