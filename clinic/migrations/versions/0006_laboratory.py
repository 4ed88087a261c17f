"""How a laboratory result was made, and how the laboratory marked it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("lab_result", sa.Column("method", sa.String(length=24), nullable=True))
    op.add_column("lab_result", sa.Column("mark", sa.String(length=12), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("lab_result") as result:
        result.drop_column("mark")
        result.drop_column("method")
