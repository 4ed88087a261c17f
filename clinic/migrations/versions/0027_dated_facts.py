"""What the clock looks for: until when a signed exam is valid, and the day of a specimen that is cultured."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("valid_until is not null and revoked_at is null")
CULTURED = sa.text("kind in ('sputum', 'gastric-aspirate') and withdrawn_at is null and rejected_at is null")
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
    op.create_index("ix_specimen_cultured", "specimen", ["collected_on", "id"], unique=False,
                    sqlite_where=CULTURED, postgresql_where=CULTURED)
