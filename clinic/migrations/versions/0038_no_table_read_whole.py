"""Indexes for what was found by reading a whole table: a print by its digest, an exam by what it replaces, a film."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

UNDER_WAY = sa.text("disease = 'tuberculosis' and outcome = 'current' and superseded_at is null")
INDEXES = (
    ("ix_signed_exam_pdf_sha256", "signed_exam", ["pdf_sha256"]),
    ("ix_signed_exam_replaces_id", "signed_exam", ["replaces_id"]),
    ("ix_film_sha256", "film", ["sha256"]),
    ("ix_xray_reading_film_id", "xray_reading", ["film_id"]),
    ("ix_tb_dose_case_id", "tb_dose", ["case_id"]),
    ("ix_lab_document_bytes", "lab_document", ["laboratory_id", "sha256"]),
    ("ix_guardian_absence_applicant_id", "guardian_absence", ["applicant_id"]),
    ("ix_tb_contact_applicant_id", "tb_contact", ["applicant_id"]),
    ("ix_visit_interpreter_case_id", "visit_interpreter", ["case_id"]),
)


def upgrade() -> None:
    """Go forward."""
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    op.create_index("ix_treatment_current", "treatment", ["started_on"], sqlite_where=UNDER_WAY,
                    postgresql_where=UNDER_WAY)


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_treatment_current", table_name="treatment")
    for name, table, _columns in INDEXES:
        op.drop_index(name, table_name=table)
