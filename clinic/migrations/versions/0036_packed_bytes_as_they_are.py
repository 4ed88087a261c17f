"""PostgreSQL no longer tries to compress what is packed already: the signed document (gzip) and its printed packet."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    _store("external")


def downgrade() -> None:
    """Go back."""
    _store("extended")


def _store(how: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for column in ("document", "pdf"):
            op.execute(f"alter table signed_exam alter column {column} set storage {how}")
