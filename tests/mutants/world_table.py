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
    ("gizwits: an answer for which there is no room, or no session, is thrown away", "client/cloud/gizwits/gizwits_in.c",
     "            return; /* no room, or no session: on_room() or the next login calls again */",
     "            answer_box_drop(&g->answers, a);"),
    ("agent: those who wait for an answer of upstream are told nothing when it goes", "agent/core/router.c",
     "    requests_disconnected(r);\n", ""),
    ("onenet: over 256 open commands the oldest is forgotten, and its answer with it", "client/cloud/onenet/core/onenet_command.c",
     "    k = command_new(c, uuid);\n    if (!k)\n        return -ENOMEM;\n    r = keep",
     "    if (HASH_CNT(hh_uuid, c->by_uuid) - c->n_answered >= 256) {\n"
     "        for (k = c->by_uuid; k->answered; k = k->hh_uuid.next) {\n        }\n        command_free(c, k);\n    }\n"
     "    k = command_new(c, uuid);\n    if (!k)\n        return -ENOMEM;\n    r = keep"),
    ("onenet: an answer that met a full window leaves at the next login only", "client/cloud/onenet/onenet.c",
     "    onenet_answers_send(o);\n    if (o->env->events->room)", "    if (o->env->events->room)"),
    ("agent: what is no object from upstream closes the link", "agent/io/conn.c",
     "        passed_over(c);\n    }\n}", "        passed_over(c);\n        bad_input(c, \"not a JSON object\");\n    }\n}"),
    ("a report's age goes by the wall clock", "client/report/reports.c", ".now_ms = uv_now(r->env.loop),",
     ".now_ms = (uint64_t) device_best_time(d) * 1000,"),
    ("onenet: what was kept for minutes comes without its time", "client/cloud/onenet/onenet.c",
     "    r = onenet_report_encode(&payload, text, at_s, onenet_utc_offset(o), o->names);\n    if (r == ONENET",
     "    r = onenet_report_encode(&payload, text, 0, onenet_utc_offset(o), o->names);\n    if (r == ONENET"),
    ("what a cloud can never carry is told as queued", "client/report/report_path.c",
     "        r = p->env.host->cloud_carries(p->env.user, in.route.first, text); /* as it says itself when it is there */",
     "        r = 0;"),
    ("agent: gone peers hold places that living ones need", "agent/io/listener.c",
     "    if (s->router->n_peers >= s->max && !make_room(s)) {", "    if (s->router->n_peers >= s->max) {"),

    # ---- states that nobody hears ----
    ("agent: does not ask for the state when upstream comes", "agent/core/router.c",
     "        r->upstream = p;\n        status_ask(r);\n", "        r->upstream = p;\n"),
    ("neither libagent asks for the state when it comes back, nor tells the agent it to newcomers",
     ("libagent/events.c", "agent/core/route/status.c"),
     ("    c->status_due = true;\n", "        ask(r, false);\n"), ("", "        (void) ask;\n")),
    ("a changed state is not broadcast", "client/device/device.c",
     "    d->said(d->user, word);\n", "    if (d->machine.state != DEVICE_CLOUD_CONNECTED)\n        d->said(d->user, word);\n"),
    ("the external helper's word for a failed join is ignored", "client/setup/core/helper.c",
     "    else if (ag_span_eq(method, \"_internal.wifi_ap_mode\"))\n        h->sink->wifi_failed(h->user, HELPER_AP_MODE);\n",
     "    else if (ag_span_eq(method, \"_internal.wifi_ap_mode\"))\n        return HELPER_NOT_FOR_US;\n"),
    ("the external helper is asked for its token in the older form only", "client/setup/core/helper.c",
     "    [HELPER_OT_CONFIG] = {HELPER_NEEDS_TOKEN, ", "    [HELPER_OT_CONFIG] = {(enum helper_stage) -1, "),
    ("an external helper that leaves wifi.conf to the client ends without one", "client/setup/core/setup_dialogue.c",
     "    setup_do(m, f->has_wifi ? SETUP_DO_END_TRIAL : SETUP_DO_SAVE, 0);", "    setup_do(m, SETUP_DO_END_TRIAL, 0);\n    (void) f;"),
    ("an external helper whom the client does not need is told nothing", "client/setup/setup_words.c",
     "        warn_of_text(s, peer, method, \"left alone: this client keeps the files itself (helper=builtin)\");\n", ""),
    ("the external helper is asked without a pause", "client/setup/core/helper.c",
     "    h->ask_at_ms[kind] = now_ms + HELPER_ASK_EVERY_MS;\n", "    h->ask_at_ms[kind] = now_ms;\n"),

    ("the MQTT channels hear no last word when they join", "client/local/local_peers.c",
     "    if (p->env.device->last_word)\n        say_word", "    if (false)\n        say_word"),
    ("mqtt, onenet: a device without a cloud may never sleep", "client/cloud/core/broker_session.c",
     "        return ag_ceil_s(wait_ms);\n", "        return 0;\n"),

    # ---- links that storm, hang or lie ----
    ("mqtt, onenet: the pause starts over at each login", "client/cloud/core/reconnect.c",
     *after("    r->up = true;\n", "    ag_backoff_reset(&r->after_cut);\n")),
    ("gizwits: the pause starts over at each login", "client/cloud/gizwits/core/gizwits_session.c",
     *after("    s->n_subscribed = 0;\n", "    broker_session_kicked(s->broker);\n")),
    ("ot: the pause starts over at each session", "client/cloud/ot/core/ot_line.c",
     *after("    l->was_up = true;\n", "    ag_backoff_reset(&l->backoff);\n")),
    ("agent: the pause to upstream starts over at each connection", "agent/io/upstream.c",
     *after("    u->up_since_ms = conns_now(u->conns);\n", "    ag_backoff_reset(&u->backoff);\n")),
    ("a refused subscription goes unnoticed", "client/cloud/core/sub_ladder.c",
     "    bool granted = result >= 0 && result <= 2;", "    bool granted = result >= 0;"),
    ("names are looked up on the loop: SIGTERM waits for a mute resolver", "libagent/io/lookup.c",
     "    r = thread_start(l);\n", "    r = 0;\n    thread_main(l);\n"),
    ("ids that the client draws use all 32 bits", "libagent/core/ids.h",
     ("enum { AG_ID_MAX = 0x7fffffff };", "return id >= AG_ID_MAX ? 1 : id + 1;", "ag_id_next(random & AG_ID_MAX)"),
     ("#define AG_ID_MAX UINT32_MAX", "return id == AG_ID_MAX ? 1 : id + 1;", "ag_id_next(random)")),
    ("of two sockets' answers -10000 counts as an answer", "client/local/core/command.c",
     "    return code == AG_CODE_NOT_FOUND || code == AG_CODE_NOT_MINE ? code : 0;", "    return code == AG_CODE_NOT_FOUND ? code : 0;"),
    ("lan: no zero byte behind an answer", "client/lan/core/lan.c", "    return ag_buf_append_char(out, '\\0');", "    return 0;"),
    ("lan: a phone that starts over gets the answers of before", "client/lan/core/lan.c",
     ("        lan_requests_forget(&l->requests, from, now_ms, REPEAT_S * 1000); /* whoever starts over may begin with the same ids */\n",
      " &&\n           (!q->answered || stamp_clock_apart(&l->clock, a->stamp, q->stamp, a->now_ms) < REPEAT_STAMP_S);"), ("", ";")),
    ("lan: stamps of before a step of the clock are refused", "client/lan/core/stamp_clock.c",
     "        if (now_ms < c->old[i].until_ms && is_near(c, c->old[i].offset_s", "        if (false && is_near(c, c->old[i].offset_s"),
    ("client: no grace for applications that come back", "client/local/local_peers.c",
     "    if (last)\n        command_expect_peers", "    if (false && last)\n        command_expect_peers"),
    ("client: no grace after its own start", "client/local/intake.c",
     "    command_expect_peers(&in->commands, uv_now(env->loop));\n", ""),
    ("agent: no grace for a subscriber that comes back", "agent/core/router.c",
     "    if (r->limits.command_grace_ms > 0)\n        grace_note(&r->grace, now_ms, p);\n", "    (void) now_ms;\n"),

    ("lan: answers leave from the first address", "client/lan/io/lan_socket.c", "    if (knows_source(to))\n", "    if (false && knows_source(to))\n"),
    ("a text of ours is no UTF-8", "libagent/core/buf.c",
     "        if (len > 0) {\n            i += len;\n", "        if (len > 0 || (unsigned char) s[i] >= 0x80) {\n            i += len ? len : 1;\n"),
    ("mqtt: a restart loses the other values of the state", "client/cloud/mqtt/mqtt_picture.c",
     "    if (m->picture != PICTURE_KNOWN && m->conf.state && sub_ladder_begin(&m->sub_state, uv_now(m->env->loop)))\n        read_back(m);\n    else if",
     "    (void) read_back;\n    if"),
    ("Home Assistant: a text is put into JSON as it is", "client/cloud/mqtt/core/ha_list/ha_config.c",
     'AG_SPAN("{{ value | tojson }}")', 'AG_SPAN("\\"{{ value }}\\"")'),
    ("Home Assistant: equal, empty and odd descriptions stand as they are", "client/cloud/mqtt/core/ha/ha_choice.c",
     "        needed[i] = ag_buf_size(&c->all[i].text) == 0 ||", "        needed[i] = false && ag_buf_size(&c->all[i].text) == 0 ||"),
    ("MQTT API: the pause starts over at each login", "client/local/io/mqtt_api.c",
     *after("    ag_backoff_reset(&a->while_away);\n", "    ag_backoff_reset(&a->after_cut);\n")),
    ("lan: a replayed packet is executed", "client/lan/core/lan.c",
     ("    if (q && is_repeat_of(l, q, hash, a)) {", "        l->stats.replayed++;\n        return false;\n"),
     ("    if (false && is_repeat_of(l, q, hash, a)) {", "        l->stats.replayed++;\n        break;\n")),

    # ---- clouds ----
    ("an answer goes to the first cloud, whoever asked", "client/cloud/cloud_links.c",
     "    struct cloud_link *l = &c->at[place < CLOUDS_MAX ? place : 0];\n\n    return cloud_link_is_running(l) && l->ops ? l->ops->answer(",
     "    struct cloud_link *l = &c->at[c->order[0]];\n\n    (void) place;\n    return cloud_link_is_running(l) && l->ops ? l->ops->answer("),
    ("mqtt: a server that acknowledges nothing any more is never given up", "client/cloud/io/mqtt_link.c",
     "    ACK_MS = 120000,", "    ACK_MS = 2000000000,"),
    ("ot: a command that comes twice is executed twice", "client/cloud/ot/core/ot_receive.c",
     ("    case OT_MEMORY_OPEN:\n        s->stats.repeats++;\n        break;\n", "        if (!is_fresh(s, packet))\n            return;\n"),
     ("    case OT_MEMORY_OPEN:\n        s->sink->command(s->user, 0, text, false);\n        break;\n", "")),
    ("gizwits: a repeat without an answer yet is executed", "client/cloud/gizwits/gizwits_in.c",
     "        case GIZWITS_WAITING:\n            g->count.repeated++;\n            return;",
     "        case GIZWITS_WAITING:\n            g->count.repeated++;\n            break;"),
    ("what is told as queued is not on the disk", "client/report/io/spool_write.c", "    r = spool_file_sync(&b->file);\n    if (r == 0) {",
     "    r = 0;\n    if (r == 0) {"),
    ("a kept report goes under another id after a restart", "client/report/report_keep.c",
     "report_queue_restore(&p->lanes[i].queue, seq, rec->id, ", "report_queue_restore(&p->lanes[i].queue, seq, rec->id ^ 1, "),
    ("an acknowledged report stays in the store", "client/report/report_keep.c",
     "    if (l->path->spool)\n        spool_release(l->path->spool, seq, report_bit(l->place));\n", "    (void) l;\n    (void) seq;\n"),
    ("the next number is one that is taken", "client/report/report_keep.c", "p->next_seq = seq + 1;", "p->next_seq = seq;"),
    ("what was sent and not acknowledged is forgotten with the link", "client/report/report_path.c",
     "    report_queue_rewind(&l->queue);\n    l->release_ms = AG_NEVER;\n", "    l->release_ms = AG_NEVER;\n"),
    ("a reset keeps the last owner's reports", ("client/setup/setup_carry.c", "client/setup/core/setup_reset.c"),
     ("    if (r == 0)\n        r = s->env.host->forget_reports(s->env.user);\n",
      "    setup_do(m, SETUP_DO_FORGET_REPORTS, 0); /* once more: what came since */\n"), ("", "")),

    ("reports that are held are never released", "client/report/report_path.c",
     "            l->release_ms = report_time_of(p).now_ms + HOLD_MS;", "            l->release_ms = AG_NEVER;"),

    # ---- setup ----
    ("each start makes a new token", "client/setup/setup_carry.c", "        return s->start_result = own_token(s);", "        return s->start_result = fresh_token(s);"),

    # ---- agent and libagent ----
    ("libagent: keys are not registered again", "libagent/events.c",
     "        ag_list_append(&c->untold, &key->by_untold);\n", "        if (epoch == 1)\n            ag_list_append(&c->untold, &key->by_untold);\n"),

    ("agent: who has left keeps its subscriptions", "agent/core/router.c",
     "    sub_remove_all(&r->subs, p);\n", ""),
    ("agent: half a text is forgotten", "libagent/core/frame/framer.c",
     "        r2 = ag_buf_append(&part->carry, p, used);\n", "        r2 = r == 0 ? 0 : ag_buf_append(&part->carry, p, used);\n"),
    ("SIGTERM is ignored now and then", "libagent/io/program.c",
     "        ag_program_stop(p, AG_EXIT_OK);\n    }\n", "        if (uv_now(&p->loop) / 1000 % 4)\n            ag_program_stop(p, AG_EXIT_OK);\n    }\n"),

    # ---- miio_ota and miio_mcu ----
    ("mcu: commands that wait are forgotten at SIGTERM", "agent/apps/mcu/mcu.c",
     "    mcu_bridge_fail_all(&m->bridge, AGENT_CODE_SHUTTING_DOWN, \"shutting down\");\n", ""),
    ("mcu: what the MCU says to update_fw is not looked at", "agent/apps/mcu/core/serve.c",
     "        mcu_update_answered(&b->update, ready, now_ms);", "        mcu_update_asked(&b->update, now_ms);"),
    ("mcu: the MCU is never asked whether it takes firmware", "agent/apps/mcu/core/serve.c",
     "        mcu_tx_printf(&b->tx, \"down update_fw\\r\");", "        mcu_tx_printf(&b->tx, \"down none\\r\");"),
    ("mcu: firmware under a wrong sum is accepted", "agent/apps/mcu/io/image.c", "        r = check_md5(out, md5);",
     "        (void) check_md5;"),
    ("ota: a download is not gone on with when it starts again", "agent/apps/ota/core/ota_machine.c",
     "    case OTA_DOWNLOADING:\n        fetch(m, 0);\n", "    case OTA_DOWNLOADING:\n"),
    ("ota: an installation is not awaited when it starts again", "agent/apps/ota/core/ota_machine.c",
     "        decide(m, OTA_DO_REJOIN_INSTALL, 0);\n", ""),
    ("ota: an update is forgotten when it starts again", "agent/apps/ota/core/ota_machine.c",
     "    m->s.state = state;\n    decide(m, OTA_DO_SAVE, 0);\n", "    m->s.state = state;\n"),
    ("ota: the sum is not looked at", "agent/apps/ota/core/ota_machine.c",
     "    if (m->phase == OTA_PH_CHECK_FETCHED && good) {", "    if (m->phase == OTA_PH_CHECK_FETCHED) {"),

    # ---- gizwits ----
    ("gizwits: an answered repeat is executed again", "client/cloud/gizwits/gizwits_in.c",
     "            ack(g, app, f->sn, answer);\n            return;\n", "            ack(g, app, f->sn, answer);\n            break;\n"),
    ("gizwits: an answered command stays in memory", "client/cloud/gizwits/gizwits_in.c",
     "    HASH_DEL(g->commands, c);\n    free(c);\n", "    HASH_DEL(g->commands, c);\n"),

    # ---- what does not return: memory, descriptors, places ----
    ("an answer that is out stays in memory", "client/cloud/core/answer_box.c", "    b->bytes -= a->size;\n    free(a);\n",
     "    b->bytes -= a->size;\n"),
    ("a place for an answer does not come back", "client/cloud/core/answer_box.c",
     "    if (r != -EMSGSIZE)\n        b->n_open--;\n", "    if (r != 0 && r != -EMSGSIZE)\n        b->n_open--;\n"),
    ("client: an answer that was held for a better one stays in memory", "client/local/core/command.c",
     "        t->sink->done(t->user, from, tag, end, text, view);\n    ag_buf_deinit(&held);\n",
     "        t->sink->done(t->user, from, tag, end, text, view);\n    (void) held;\n"),
    ("client: a command that is over keeps its place", "client/local/core/command.c",
     "    ag_buf_deinit(&c->held);\n    t->n_open--;\n", "    ag_buf_deinit(&c->held);\n"),
    ("a file that was read stays open", "libagent/io/file.c",
     "    ag_cleanup(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);",
     "    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);"),
    ("agent: a lost upstream keeps its descriptor", "agent/io/conn.c", "    close(c->fd);\n    ag_framer_deinit(&c->framer);\n",
     "    if (c->peer.role != PEER_UPSTREAM)\n        close(c->fd);\n    ag_framer_deinit(&c->framer);\n"),
    ("agent: half a text of a gone peer stays in memory", "agent/io/conn.c",
     "    ag_framer_deinit(&c->framer);\n    ag_buf_deinit(&c->peer.out);\n", "    ag_buf_deinit(&c->peer.out);\n"),
    ("agent: a gone peer keeps its place", "agent/core/router.c",
     "    ag_list_del(&p->all);\n    r->n_peers--;\n", "    ag_list_del(&p->all);\n    r->n_peers -= p->half_closed;\n"),
    ("mcu: an answered request stays in memory", "agent/apps/mcu/mcu.c",
     "agent_strerror(r));\n    agent_request_unref(req);\n}\n\nstatic void answer_finished",
     "agent_strerror(r));\n}\n\nstatic void answer_finished"),

    # ---- miio_ota ----
    ("ota: a wrong sum is tried again for ever", "agent/apps/ota/core/ota_machine.c",
     "    if (!m->stitched || m->started_over) {", "    if (false) {"),

    # ---- more of all parts ----
    ("files are not synced before they are told", "libagent/io/file.c",
     "    if (r == 0 && fsync(fd) < 0)\n        r = -errno;\n    return r;\n", "    return r;\n"),
    ("a reset does not make a new token", "client/setup/core/setup_reset.c", "    setup_do(m, SETUP_DO_NEW_TOKEN, 0);\n", ""),
    ("a report that could not be stored is told as queued", "client/report/report_keep.c",
     "    if (r < 0)\n        not_stored(p, seq, id, r);\n    for (unsigned i = 0; r == 0", "    r = 0;\n    (void) not_stored;\n    for (unsigned i = 0; r == 0"),
]]

# What has gone wrong in use, and the rows that put it back.
SEEN = {
    # answers and reports that vanish
    "3,000 commands at a healthy broker: half of them never answered":
        ("mqtt: an answer for which there is no room, or no session, is thrown away",
         "gizwits: an answer for which there is no room, or no session, is thrown away"),
    "more than 256 commands open: the oldest loses its answer, and is executed twice":
        ("onenet: over 256 open commands the oldest is forgotten, and its answer with it",),
    "an answer that met a full window waits for the next login":
        ("onenet: an answer that met a full window leaves at the next login only",
         "onenet: an answer for which there is no room, or no session, is thrown away"),
    "a value that is no object closes the agent's only line": ("agent: what is no object from upstream closes the link",),
    "a clock that was wrong makes reports of seconds too old": ("a report's age goes by the wall clock",),
    "a history without its times after an outage": ("onenet: what was kept for minutes comes without its time",),
    "a report that no cloud carries is told as kept while there is none": ("what a cloud can never carry is told as queued",),
    "applications that are gone keep new ones out": ("agent: gone peers hold places that living ones need",),
    # states that nobody hears
    "a state was said before anybody had joined, and never again":
        ("agent: does not ask for the state when upstream comes",
         "neither libagent asks for the state when it comes back, nor tells the agent it to newcomers",
         "a changed state is not broadcast", "the MQTT channels hear no last word when they join"),
    "an external helper of another age is asked in one form only":
        ("the external helper is asked for its token in the older form only",),
    "an external helper is asked hundreds of times a second": ("the external helper is asked without a pause",),
    "an external helper's own word for a failed join is ignored":
        ("the external helper's word for a failed join is ignored",),
    "an external helper leaves wifi.conf to the client, which has none":
        ("an external helper that leaves wifi.conf to the client ends without one",),
    "an external helper that is not needed hears nothing of it":
        ("an external helper whom the client does not need is told nothing",),
    "a device on battery never sleeps while there is no cloud": ("mqtt, onenet: a device without a cloud may never sleep",),
    # links that storm, hang or lie
    "20,000 connects in 12 s to a server that accepts and closes":
        ("mqtt, onenet: the pause starts over at each login", "gizwits: the pause starts over at each login",
         "ot: the pause starts over at each session", "MQTT API: the pause starts over at each login",
         "agent: the pause to upstream starts over at each connection"),
    "a refused subscription: online, and no command comes": ("a refused subscription goes unnoticed",),
    "SIGTERM waits for a mute resolver":
        ("names are looked up on the loop: SIGTERM waits for a mute resolver", "SIGTERM is ignored now and then"),
    "phones hear another address than they asked": ("lan: answers leave from the first address",),
    "a network's name that is no UTF-8 leaves miIO.info unanswered": ("a text of ours is no UTF-8",),
    "ids over 2^31 break applications": ("ids that the client draws use all 32 bits",),
    "a restart loses the retained state of all other properties": ("mqtt: a restart loses the other values of the state",),
    "Home Assistant's templates break on quotes": ("Home Assistant: a text is put into JSON as it is",),
    "one socket's -10000 beats the other's answer": ("of two sockets' answers -10000 counts as an answer",),
    "phones cut the last character": ("lan: no zero byte behind an answer",),
    "a phone that starts over hears old answers": ("lan: a phone that starts over gets the answers of before",),
    "a set clock makes phones dark for two minutes": ("lan: stamps of before a step of the clock are refused",),
    "commands fail in the second in which a part starts again":
        ("client: no grace for applications that come back", "client: no grace after its own start",
         "agent: no grace for a subscriber that comes back"),
    "Home Assistant sends another value than was chosen":
        ("Home Assistant: equal, empty and odd descriptions stand as they are",),
}

# There is neither TLS nor a terminal in the world.
NOT_HERE = {"an encrypted key asks a terminal for its password, and SIGTERM is not heard": "tests/system/test_leaving.py"}
