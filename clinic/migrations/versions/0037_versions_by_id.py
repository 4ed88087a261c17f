"""The clinic's own versions of resources are looked for by their id; by case nobody asks."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index("ix_fhir_version_id", "fhir_version", ["id"])
    op.drop_index("ix_fhir_version_case", table_name="fhir_version")


def downgrade() -> None:
    """Go back."""
    op.create_index("ix_fhir_version_case", "fhir_version", ["case_id", "kind"])
    op.drop_index("ix_fhir_version_id", table_name="fhir_version")
