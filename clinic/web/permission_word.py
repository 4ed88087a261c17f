"""What each permission lets somebody do, in words."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

from clinic.permissions import Permission

P = Permission
PERMISSION_WORDS: dict[Permission, LazyString] = {
    P.SEE_CASES: lazy_gettext("see the site's cases and lists"),
    P.REGISTER: lazy_gettext("register people and their documents"),
    P.MERGE_RECORDS: lazy_gettext("make two records of one person one, and apart again"),
    P.OPEN_CASE: lazy_gettext("open cases and answer their circumstances"),
    P.RECORD_HISTORY: lazy_gettext("take the history and vital signs"),
    P.RECORD_EXAM: lazy_gettext("examine and conclude"),
    P.COLLECT_SPECIMEN: lazy_gettext("draw blood, take urine, label and hand over specimens"),
    P.ENTER_RESULT: lazy_gettext("enter laboratory results"),
    P.CONFIRM_RESULT: lazy_gettext("confirm results that another person entered"),
    P.SEE_CONFIDENTIAL: lazy_gettext("see confidential results (HIV), each time with a stated reason"),
    P.UPLOAD_FILM: lazy_gettext("send up X-ray films and look at those held back"),
    P.READ_XRAY: lazy_gettext("read X-rays"),
    P.RECORD_SPUTUM: lazy_gettext("take specimens and follow sputum series"),
    P.RECORD_VACCINE: lazy_gettext("vaccinate and judge vaccination records"),
    P.RECORD_TREATMENT: lazy_gettext("record how treatments stand"),
    P.MANAGE_TUBERCULOSIS: lazy_gettext("diagnose tuberculosis, begin, change and end its treatment"),
    P.SEE_TB_REGISTERS: lazy_gettext("see and export the registers and counts of tuberculosis"),
    P.SIGN: lazy_gettext("sign exams for the destinations they are authorised for"),
    P.SEE_DELIVERIES: lazy_gettext("see how deliveries go"),
    P.MANAGE_DELIVERIES: lazy_gettext("send again, hold and release deliveries"),
    P.MANAGE_CLIENTS: lazy_gettext("let authorities' machines in or out"),
    P.MANAGE_USERS: lazy_gettext("manage the accounts and roles of the site's staff"),
    P.MANAGE_ORGANISATION: lazy_gettext(
        "manage sites, programmes in use and destinations, and the staff of every site"),
    P.OPEN_IN_EMERGENCY: lazy_gettext("read one case of another site in an emergency, with a reason that is reviewed"),
    P.MANAGE_LABORATORIES: lazy_gettext("register the site's partner laboratories and their lines"),
    P.MAP_RESULTS: lazy_gettext("say what laboratories' codes and words mean here"),
    P.PLACE_HOLD: lazy_gettext("hold somebody who may be infectious"),
    P.LIFT_HOLD: lazy_gettext("lift the hold of somebody who may be infectious, with a reason"),
    P.TRACE_CONTACTS: lazy_gettext("trace contacts of tuberculosis"),
    P.DIRECT_TASKS: lazy_gettext("give, put off and close tasks in others' lists"),
    P.SEE_AUDIT: lazy_gettext("see who looked at what and who changed what"),
    P.ASK_RULES: lazy_gettext("ask what the rules require"),
}


def permission_word(permission: Permission) -> str:
    """What a permission lets somebody do, as the end of a sentence."""
    return str(PERMISSION_WORDS[permission])
