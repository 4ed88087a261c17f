"""When a second person sent a laboratory result back, told apart from one withdrawn after it counted."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; for rows from before nobody can tell the two apart, so they stay withdrawn."""
    op.add_column("lab_result", sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("lab_result") as result:
        result.drop_column("refused_at")
