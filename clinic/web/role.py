"""The roles: what each may do in words, and who holds it. They are part of the program (clinic/permissions.py)."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_login import current_user

from clinic.permissions import ROLES, Permission, requires
from clinic.queries.staff import list_holders
from clinic.read_audit import mark_blueprint
from clinic.web.permission_word import permission_word

blueprint = Blueprint("role", __name__, url_prefix="/administration/roles")
mark_blueprint(blueprint, "how the house is run: staff, sites and destinations, nobody examined")
NAMES_SHOWN = 4


@blueprint.get("")
@requires(Permission.MANAGE_USERS)
def index() -> str:
    """Every role."""
    holders = list_holders(current_user)
    rows = [(name, str(label), [permission_word(one) for one in Permission if one in held], holders.get(name, []))
            for name, (label, held) in ROLES.items()]
    return render_template("role/index.html", rows=rows, shown=NAMES_SHOWN)
