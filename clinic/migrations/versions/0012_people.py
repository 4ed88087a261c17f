"""People around the applicant: contacts with their history, guardians, families, interpreters, kept registrations."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = ("phone", "email", "address")


def upgrade() -> None:
    """Go forward; what stood on the applicant becomes the first contact of its kind."""
    still_so, still_member = sa.text("ended_at is null"), sa.text("left_at is null")
    op.create_table(
        "family",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("authority_number", sa.String(length=60), nullable=True),
        sa.Column("authority_key", sa.String(length=60), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["opened_by_id"], ["user.id"], name=op.f("fk_family_opened_by_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_family_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family")),
        sa.UniqueConstraint("site_id", "number", name=op.f("uq_family_site_id_number")),
    )
    op.create_index("ix_family_authority_number", "family", ["authority_key"])
    op.create_table(
        "registration_draft",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("typed", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_registration_draft_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_draft")),
    )
    op.create_index(op.f("ix_registration_draft_user_id"), "registration_draft", ["user_id"])
    op.create_table(
        "contact_point",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("note", sa.String(length=80), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["applicant_id"], ["applicant.id"], name=op.f("fk_contact_point_applicant_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["user.id"], name=op.f("fk_contact_point_ended_by_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_contact_point_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
    )
    op.create_index("ix_contact_point_applicant", "contact_point", ["applicant_id", "kind", "position"])
    op.create_table(
        "family_member",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("family_id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("joined_by_id", sa.String(length=36), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_by_id", sa.String(length=36), nullable=True),
        sa.Column("left_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["applicant_id"], ["applicant.id"], name=op.f("fk_family_member_applicant_id")),
        sa.ForeignKeyConstraint(["family_id"], ["family.id"], name=op.f("fk_family_member_family_id")),
        sa.ForeignKeyConstraint(["joined_by_id"], ["user.id"], name=op.f("fk_family_member_joined_by_id")),
        sa.ForeignKeyConstraint(["left_by_id"], ["user.id"], name=op.f("fk_family_member_left_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_member")),
    )
    op.create_index(op.f("ix_family_member_applicant_id"), "family_member", ["applicant_id"])
    op.create_index("ix_family_member_current", "family_member", ["applicant_id"], unique=True,
                    sqlite_where=still_member, postgresql_where=still_member)
    op.create_index(op.f("ix_family_member_family_id"), "family_member", ["family_id"])
    op.create_table(
        "guardian_absence",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["applicant_id"], ["applicant.id"], name=op.f("fk_guardian_absence_applicant_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_guardian_absence_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_absence")),
    )
    op.create_index("ix_guardian_absence_current", "guardian_absence", ["applicant_id"], unique=True,
                    sqlite_where=still_so, postgresql_where=still_so)
    op.create_table(
        "related_person",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.Column("registered_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("organisation", sa.String(length=120), nullable=True),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("is_guardian", sa.Boolean(), nullable=False),
        sa.Column("is_emergency", sa.Boolean(), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("document_kind", sa.String(length=40), nullable=True),
        sa.Column("document_number", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.String(length=36), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["applicant_id"], ["applicant.id"], name=op.f("fk_related_person_applicant_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["user.id"], name=op.f("fk_related_person_ended_by_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_related_person_recorded_by_id")),
        sa.ForeignKeyConstraint(["registered_id"], ["applicant.id"], name=op.f("fk_related_person_registered_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_related_person")),
    )
    op.create_index(op.f("ix_related_person_applicant_id"), "related_person", ["applicant_id"])
    op.create_index(op.f("ix_related_person_registered_id"), "related_person", ["registered_id"])
    op.create_table(
        "visit_interpreter",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("visit_on", sa.Date(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("organisation", sa.String(length=120), nullable=True),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("is_relative", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_visit_interpreter_case_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_visit_interpreter_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_interpreter")),
    )
    op.create_index("ix_visit_interpreter_current", "visit_interpreter", ["case_id", "visit_on"], unique=True,
                    sqlite_where=still_so, postgresql_where=still_so)
    _move_contacts()
    op.add_column("applicant", sa.Column("interpreter_language", sa.String(length=12), nullable=True))
    for kind in KINDS:  # not as a batch: SQLite would copy the table and drop the one that others refer to
        op.drop_column("applicant", kind)
    with op.batch_alter_table("consent") as consent:
        consent.add_column(sa.Column("guardian_id", sa.String(length=36), nullable=True))
        consent.add_column(sa.Column("interpreter_id", sa.String(length=36), nullable=True))
        consent.create_foreign_key(op.f("fk_consent_guardian_id"), "related_person", ["guardian_id"], ["id"])
        consent.create_foreign_key(op.f("fk_consent_interpreter_id"), "visit_interpreter", ["interpreter_id"], ["id"])


def _move_contacts() -> None:
    connection = op.get_bind()
    people = connection.execute(sa.text(
        "select id, phone, email, address, registered_at, registered_by_id from applicant")).mappings().all()
    insert = sa.text(
        "insert into contact_point (id, applicant_id, kind, position, value, recorded_at, recorded_by_id) "
        "values (:id, :applicant_id, :kind, 1, :value, :recorded_at, :recorded_by_id)")
    for person in people:
        for kind in KINDS:
            if person[kind]:
                connection.execute(insert, {
                    "id": str(uuid.uuid4()), "applicant_id": person["id"], "kind": kind, "value": person[kind],
                    "recorded_at": person["registered_at"], "recorded_by_id": person["registered_by_id"]})


def downgrade() -> None:
    """Go back; of the contacts the first of each kind stays, everything else of these tables is lost."""
    with op.batch_alter_table("consent") as consent:
        for name in ("guardian_id", "interpreter_id"):
            consent.drop_constraint(op.f(f"fk_consent_{name}"), type_="foreignkey")
            consent.drop_column(name)
    op.drop_column("applicant", "interpreter_language")
    op.add_column("applicant", sa.Column("phone", sa.String(length=40), nullable=True))
    op.add_column("applicant", sa.Column("email", sa.String(length=255), nullable=True))
    op.add_column("applicant", sa.Column("address", sa.Text(), nullable=True))
    for kind in KINDS:
        op.execute(sa.text(
            f"update applicant set {kind} = (select value from contact_point where applicant_id = applicant.id "  # noqa: S608
            f"and kind = '{kind}' and ended_at is null order by position limit 1)"))
    for table in ("visit_interpreter", "related_person", "guardian_absence", "family_member", "contact_point",
                  "registration_draft", "family"):
        op.drop_table(table)
