"""Until when a signed exam is valid, in a column: who leaves before it ends is found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("valid_until is not null and revoked_at is null")
_SQLITE = """update signed_exam set valid_until = (
    select json_extract(conclusion.conclusion, '$.valid_until') from conclusion
    where conclusion.id = signed_exam.conclusion_id)"""
_POSTGRESQL = """update signed_exam set valid_until = (conclusion.conclusion::json ->> 'valid_until')::date
    from conclusion where conclusion.id = signed_exam.conclusion_id"""


def upgrade() -> None:
    """Go forward."""
    op.add_column("signed_exam", sa.Column("valid_until", sa.Date(), nullable=True))
    op.execute(_POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE)
    op.create_index("ix_signed_exam_ending", "signed_exam", ["valid_until"], unique=False,
                    sqlite_where=IN_FORCE, postgresql_where=IN_FORCE)
