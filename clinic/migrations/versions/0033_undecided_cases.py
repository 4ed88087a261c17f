"""Cases of which nothing can be said yet: found among a million without reading every open one."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

UNDECIDED = sa.text("status = 'undecided' and state || '' in ('registered','in-progress','in-review')")


def upgrade() -> None:
    """Go forward."""
    op.create_index("ix_health_case_undecided", "health_case", ["site_id", "updated_at", "id"],
                    sqlite_where=UNDECIDED, postgresql_where=UNDECIDED)


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_health_case_undecided", table_name="health_case")
