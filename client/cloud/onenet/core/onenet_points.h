/* SPDX-License-Identifier: MIT */
/*
 * From the application's JSON to OneNET data points: a local report ("props" and the like), or the params of the
 * method onenet.dp. Picks the data type where the application left that open: 3 as a rule, 4 when every point has a time, 1
 * when a stream has several points or only some have times.
 */
#ifndef CLIENT_ONENET_POINTS_H
#define CLIENT_ONENET_POINTS_H

#include "client/cloud/onenet/core/onenet_dp.h"

struct model;

/* Points whose spans lie in the source text, in text, or in names. */
struct onenet_points {
    struct onenet_point *p;
    size_t n, cap;
    struct ag_buf text;        /* decoded strings; reserved once, so that spans into it stay valid */
    const struct model *names; /* borrowed; NULL: numbers */
};

void onenet_points_deinit(struct onenet_points *l);

/* 1, 3 or 4. */
unsigned onenet_points_choose_type(const struct onenet_points *l);

/*
 * A report as a payload, appended to out:
 *   {"method":"props","params":{name:value,...}}            streams: the names
 *   {"method":"prop.NAME","params":[value,...]}              stream NAME
 *   {"method":"properties_changed","params":[{"siid","piid","value"},...]}   streams "siid.piid"
 *   {"method":"event.NAME","params":...}                     stream NAME, value: the params
 *   {"method":"event_occured","params":{"siid","eiid","arguments"}}          stream "event.siid.eiid"
 * A member "at" beside method (or in an item of properties_changed) is the time: text of the protocol's form, or unix
 * seconds. at_s, unless 0, is the time in unix seconds of points without "at". utc_offset_s: of local time, east positive.
 * names, unless NULL: streams of MIoT reports have its names, see onenet_names.h.
 * 0, -ENOMEM, -EINVAL (no such report), or an enum onenet_dp_error.
 */
int onenet_report_encode(struct ag_buf *out, struct ag_span report, uint32_t at_s, int32_t utc_offset_s,
                         const struct model *names);

/* What onenet.dp asks for. */
struct onenet_dp_request {
    unsigned type;               /* 1..7 */
    int qos;                     /* -1: not given */
    struct onenet_points points; /* all but type 2 */
    bool has_date;               /* types 6 and 7 */
    struct onenet_date date;
    /* type 2 */
    struct ag_span stream, time, desc;
    struct ag_buf binary; /* from "base64"; empty when file is given */
    struct ag_span file;  /* path; the caller reads it. {NULL, 0}: none */
};

/*
 * {"type"?:1..7,"qos"?:0..2,"points":[{"id","at"?,"value"},...]} or "values":{id:value,...} instead of points;
 * types 6 and 7 take "at" for the whole; type 7 has decimal ids and numbers; type 2 is
 * {"type":2,"id","at"?,"desc"?,"base64"|"file"}.
 * 0 (deinit it), -ENOMEM, or -EINVAL with *why_out (a constant). params outlives req.
 */
int onenet_dp_request_init(struct onenet_dp_request *req, struct ag_span params, int32_t utc_offset_s, const char **why_out);
void onenet_dp_request_deinit(struct onenet_dp_request *req);

/*
 * The next payload, appended to out; *from counts the points that are done, 0 at first; it is finished when *from
 * reaches req->points.n (type 2: after one). Only type 7 needs more than one.
 * binary: of type 2. 0, -ENOMEM, or an enum onenet_dp_error.
 */
int onenet_dp_request_build(const struct onenet_dp_request *req, struct ag_span binary, size_t *from, struct ag_buf *out);

#endif
