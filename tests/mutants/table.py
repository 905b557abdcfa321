"""Small faults, one a row, that the tests have to see: what a user would notice, the file, the text that is replaced (it stands
there once), what replaces it, and the tests that catch it: names of ctest, or system.NAME:TEST for one test of a file."""
from collections import namedtuple

Mutant = namedtuple("Mutant", "fault file old new tests")


def after(text, added):
    """old and new that put a line behind another."""
    return text, text + added


MUTANTS = [Mutant(*row) for row in [
    # ---- the mqtt cloud ----
    ("answered commands are never freed", "client/cloud/mqtt/mqtt_command.c",
     "    command_free(c);\n    mqtt_answers_send(m);", "    mqtt_answers_send(m);", "unit.mqtt_cloud"),
    ("an answer keeps its place in the box", "client/cloud/core/answer_box.c",
     "    if (r != -EMSGSIZE)\n        b->n_open--;\n", "", "unit.mqtt_cloud unit.onenet_cloud unit.gizwits_cloud"),
    ("a command that is retained is executed", "client/cloud/mqtt/mqtt_command.c",
     "if (msg->retain) {", "if (false && msg->retain) {", "unit.mqtt_cloud"),

    # ---- gizwits ----
    ("a report is lost with the link", "client/cloud/gizwits/gizwits.c",
     "        free(f);\n        g->env->events->failed(g->env->user, id, true,",
     "        free(f);\n        g->env->events->failed(g->env->user, id, false,", "unit.gizwits_cloud"),
    ("a report whose publish is lost is not tried again", "client/cloud/gizwits/gizwits.c",
     "        else\n            g->env->events->failed(g->env->user, id, true,",
     "        else\n            g->env->events->failed(g->env->user, id, false,", "unit.gizwits_cloud"),
    ("no room is taken for a bad report", "client/cloud/gizwits/gizwits.c",
     "    if (r < 0)\n        return r;\n    g->count.reports_refused++;",
     "    if (r < 0)\n        return -EINVAL;\n    g->count.reports_refused++;", "unit.gizwits_cloud"),
    ("a repeat without an answer yet is executed", "client/cloud/gizwits/gizwits_in.c",
     "        case GIZWITS_WAITING:\n            g->count.repeated++;\n            return;",
     "        case GIZWITS_WAITING:\n            g->count.repeated++;\n            break;", "unit.gizwits_cloud"),
    ("query_apps without an answer waits for ever", "client/cloud/gizwits/gizwits_method.c",
     "    ag_list_append(&g->calls, &call->link);\n    gizwits_rearm(g);\n",
     "    ag_list_append(&g->calls, &call->link);\n", "unit.gizwits_cloud"),
    ("the pause starts over at each connection", "client/cloud/gizwits/core/gizwits_session.c",
     "    s->n_subscribed = 0;\n    return go(", "    s->n_subscribed = 0;\n    s->n_failed = 0;\n    return go(",
     "unit.gizwits_session"),

    # ---- onenet ----
    ("a lost call is told as done", "client/cloud/onenet/onenet_method.c",
     "    call->lost = call->lost || result == MQTT_LINK_DONE_LOST;\n", "", "unit.onenet_cloud"),
    ("files of a sibling folder can be read", "client/cloud/onenet/onenet_method.c",
     " || strncmp(real, base, n) != 0 || real[n] != '/')", " || strncmp(real, base, n) != 0)", "unit.onenet_cloud"),
    ("a report in the link's window is sent twice", "client/cloud/onenet/onenet.c",
     "if (repeat && find_in_flight(o, report_id))", "if (repeat && find_in_flight(o, report_id) && o->stopping)", "unit.onenet_cloud"),
    ("no room is taken for a bad report", "client/cloud/onenet/onenet.c",
     "        free(f);\n        return r;\n", "        free(f);\n        return r == -ENOBUFS ? -EINVAL : r;\n", "unit.onenet_cloud"),

    # ---- back-offs ----
    ("the pause after a cut starts over at each connection", "client/cloud/core/reconnect.c",
     *after("    r->up = true;\n", "    backoff_reset(&r->after_cut);\n"),
     "unit.onenet_cloud unit.mqtt_cloud unit.backoff"),
    ("the pause after a refused login is that after a cut", "client/cloud/core/reconnect.c",
     "login_refused ? &r->after_refusal", "login_refused && r->up ? &r->after_refusal", "unit.onenet_cloud unit.mqtt_cloud"),
    ("ot's pause starts over at each session", "client/cloud/ot/core/ot_line.c",
     *after("    l->was_up = true;\n", "    backoff_reset(&l->backoff);\n"), "unit.ot_line"),
    ("ot waits for a connection for ever", "client/cloud/ot/core/ot_line.c",
     "return l->phase == OT_LINE_CONNECTING || l->phase", "return l->phase", "unit.ot_line"),
    ("the agent's pause starts over at each connection", "agent/io/uplink.c",
     *after("    u->up_since_ms = hub_now(u->hub);\n", "    u->delay_ms = DELAY_MIN_MS;\n"),
     "system.agent_upstream:test_a_server_that_accepts_and_closes_is_not_stormed"),
    ("the agent waits for a connection for ever", "agent/io/uplink.c",
     "    uv_timer_start(&u->timer, uplink_on_timer, CONNECT_MS, 0);\n", "", "system.agent_upstream:test_a_server_that_never_answers_is_given_up"),
    ("libagent's pause starts over at each connection", "libagent/conn.c",
     *after("    c->connected_at_ms = now_ms;\n", "    c->pause_ms = c->first_pause_ms;\n"),
     "unit.libagent_conn unit.libagent_promises"),

    # ---- reports ----
    ("the next number is one that is taken", "client/report/core/report_queue.c",
     "q->next_seq = seq + 1;", "q->next_seq = seq;", "unit.report_queue unit.report_path"),
    ("awaited reports are kept at the end, the others are not", "client/report/report_path.c",
     "        if (!p->env.host->is_awaited(", "        if (p->env.host->is_awaited(", "unit.report_path"),
    ("a failure to store is not told", "client/report/report_path.c",
     "        else\n            refuse(p, id, r);", "        else\n            p->n_refused++;", "unit.report_path"),
    ("a report that the cloud could not take is not kept", "client/report/report_path.c",
     "kept = retry && keep(", "kept = false && keep(", "unit.report_path"),
    ("the held ones are never released", "client/report/report_path.c",
     "            p->release_ms = time_of(p).now_ms + HOLD_MS;", "            p->release_ms = 0;", "unit.report_path"),
    ("reports under way are not kept at a stop", "client/cloud_link.c",
     "    c->link.connected = false;\n    report_path_lost(&c->reports);\n    uplink_pump(&c->uplink);\n    uplink_lost",
     "    c->link.connected = false;\n    uplink_pump(&c->uplink);\n    uplink_lost", "unit.client_cloud"),
    ("a reset keeps the last owner's reports", "client/setup/setup_carry.c",
     "    if (r == 0)\n        r = s->env.host->forget_reports(s->env.user);\n", "", "unit.client_cloud"),
    ("reports of the last moments survive a reset", "client/setup/core/setup_reset.c",
     "    setup_do(m, SETUP_DO_FORGET_REPORTS, 0); /* once more", "    /* once more", "unit.setup_machine unit.client_cloud"),
    ("a reset by the helper keeps the last owner's reports", "client/setup/core/setup_dialogue.c",
     "    m->last_uid = 0;\n    setup_do(m, SETUP_DO_FORGET_REPORTS, 0);\n", "    m->last_uid = 0;\n",
     "unit.setup_machine unit.client_cloud"),
    ("a record that is damaged ends the reading", "client/report/io/spool_find.c",
     "    if (!spool_scan_is_clean(scan) || f->n_strange", "    if (!spool_scan_is_clean(scan))\n        return -EIO;\n    if (f->n_strange",
     "unit.spool"),

    # ---- provisioning, reset, identity, helper ----
    ("the answer to a network is lost with the old one", "client/setup/core/setup_join.c",
     "wait_for_try(m, f->now_ms + SETUP_GRACE_MS);", "wait_for_try(m, f->now_ms);", "unit.setup_machine"),
    ("tries to join follow at once", "client/setup/core/setup_join.c",
     "f->now_ms + m->settings.join_pause_ms", "f->now_ms", "unit.setup_machine"),
    ("one try too many", "client/setup/core/setup_join.c",
     "if (m->tries >= m->settings.join_tries)", "if (m->tries > m->settings.join_tries)", "unit.setup_machine"),
    ("a stranger's phone may give a network after enauth", "client/setup/core/setup_join.c",
     "    return uid != 0 && uid != owner;", "    return uid != 0 && owner == 0;", "unit.setup_machine"),
    ("the Bluetooth way gives a network after enauth", "client/setup/core/setup_join.c",
     "    if (from != ORIGIN_LAN || (", "    if (from == ORIGIN_CLOUD || (", "unit.setup_machine"),
    ("a network's key stays in memory", "client/setup/core/setup_machine.c",
     "        if (m->params_are_old)\n            setup_forget_params(m);\n", "", "unit.setup_machine"),
    ("the reset comes before its answer has left", "client/setup/core/setup_reset.c",
     "    m->at_ms = f->now_ms + SETUP_GRACE_MS;", "    m->at_ms = f->now_ms;", "unit.setup_machine"),
    ("a reset lets the program that joins go on", "client/setup/core/setup_reset.c",
     "    if (setup_place_is_taken(m))\n        setup_do(m, SETUP_DO_KILL, 0);\n", "", "unit.setup_machine"),
    ("a reboot does not wait for the program that runs", "client/setup/core/setup_reset.c",
     "|| setup_place_is_taken(m) || f->now_ms", "|| f->now_ms", "unit.setup_machine"),
    ("the enauth that came last survives a reset", "client/setup/core/setup_reset.c",
     "    if (f->has_enauth) /*", "    if (false && f->has_enauth) /*", "unit.setup_machine"),
    ("the identity's program is stormed", "client/setup/core/setup_identity.c",
     "    m->identity_runs = false;\n    m->identity_at_ms = f->now_ms + m->identity_pause_ms;",
     "    m->identity_runs = false;\n    m->identity_at_ms = f->now_ms;", "unit.setup_machine"),
    ("a helper that says nothing of its join is waited for", "client/setup/core/setup_machine.c",
     "    {SETUP_ASKED, SETUP_EV_TIME, setup_asked_mute},\n", "", "unit.setup_machine"),
    ("a lost network is taken for a reset", "client/setup/core/setup_dialogue.c",
     "how == HELPER_AP_MODE ? SETUP_EV_HELPER_AP", "how != (enum helper_failure) 7 ? SETUP_EV_HELPER_AP", "unit.setup_machine"),

    # ---- the client's wiring ----
    ("who was let go gets the slot's last answers", "client/client.c",
     "    cloud_link_forget_peer(c, peer);\n", "", "unit.client_cloud"),
    ("requests of one that has gone are answered to the next", "client/client.c",
     "    uplink_peer_removed(&c->uplink, peer);\n", "", "unit.client_cloud"),
    ("a device with kept reports sleeps on them", "client/serve.c",
     " || report_path_is_busy(&c->reports))", ")", "unit.client_cloud"),
    ("a reload leaves request-timeout as it was", "client/client.c",
     "    c->uplink.timeout_ms = fresh->request_timeout_ms;\n", "",
     "unit.client_cloud"),
    ("a reload leaves lan-stamp-window as it was", "client/client.c",
     "    c->lan.stamp_window_s = fresh->lan_stamp_window_s;\n", "",
     "unit.client_cloud"),
    ("a reload leaves command-timeout as it was", "client/client.c",
     "    c->commands.timeout_ms = fresh->command_timeout_ms;\n", "",
     "unit.client_cloud"),
    ("any user may reset the device", "libagent/core/access.c",
     "{{\"miIO.\", 5}, {\"miIO.info\", 9}}", "{{\"miIO.\", 5}, {\"miIO.restore\", 12}}", "unit.access"),

    # ---- the agent ----
    ("nobody hears that upstream could not take the answer", "agent/core/route/commands.c",
     "    if (!passed)\n", "    if (false)\n", "unit.agent_router"),
    ("a refused request stays open and is answered twice", "agent/core/route/requests.c",
     "        if (e != 0)\n            request_remove(&r->requests, q);\n", "", "unit.agent_router"),

    # ---- libagent ----
    ("calls that wait are not sent when room comes", "libagent/due.c",
     "while (r == 0 && !ag_list_empty(&c->unsent))", "while (false && !ag_list_empty(&c->unsent))",
     "unit.libagent_conn unit.libagent_promises unit.libagent_sweep"),
    ("a lost connection leaves its calls open", "libagent/conn.c",
     "    ag_conn_end_calls(c, &c->calls, AGENT_E_LOST);\n", "", "unit.libagent_conn unit.libagent_promises"),

    # ---- miio_mcu and miio_ota ----
    ("open commands are not answered at the end", "agent/apps/mcu/mcu.c",
     "    mcu_bridge_fail_all(&m->bridge, AGENT_CODE_SHUTTING_DOWN, \"shutting down\");\n", "", "system.leaving"),
    ("half a line from before an unplugging is kept", "agent/apps/mcu/core/bridge.c",
     "    mcu_line_init(&b->line);\n    b->echo = false;\n", "    b->echo = false;\n", "unit.mcu_vectors unit.mcu_update"),
    ("the reboot comes before the cloud knows", "agent/apps/ota/ota.c",
     "if (o->reports.n > 0 && uv_now", "if (false && uv_now",
     "system.ota:test_reboot_program_runs_when_the_cloud_knows"),
]]
