# SPDX-License-Identifier: MIT
"""Faults that the simulated world has to find, one a row: what a user would notice, the file, the text that is replaced (it stands
there once; several: a tuple), what replaces it. Where a row gives hours, its worlds live that long, else HOURS."""
from collections import namedtuple

HOURS = 2

Mutant = namedtuple("Mutant", "fault file old new hours")


def after(text, added):
    """old and new that put a line behind another."""
    return text, text + added


def row(fault, file, old, new, hours=HOURS):
    return Mutant(fault, file, old, new, hours)


MUTANTS = [row(*r) for r in [
    # ---- answers and reports that vanish ----
    ("mqtt: an answer for which there is no room, or no session, is thrown away", "client/cloud/mqtt/mqtt_command.c",
     "            return; /* no room, or no session: room() or the next login calls again */",
     "            answer_box_drop(&m->answers, a);"),
    ("onenet: an answer for which there is no room, or no session, is thrown away", "client/cloud/onenet/onenet_in.c",
     "            return; /* no room, or no session: on_room() or the next login calls again */",
     "            answer_box_drop(&o->answers, a);"),

    # ---- agent and libagent ----
    ("libagent: keys are not registered again", "libagent/conn.c",
     "        ag_list_append(&c->untold, &key->by_untold);\n", "        if (epoch == 1)\n            ag_list_append(&c->untold, &key->by_untold);\n"),
]]
