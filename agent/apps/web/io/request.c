/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/request.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

void web_request_wait(struct web_request *req)
{
    req->suspended = true;
    MHD_suspend_connection(req->conn->mhd);
}

void web_answer(struct web_request *req, unsigned status)
{
    req->status = status;
    req->answered = true;
    if (req->suspended) {
        req->suspended = false;
        MHD_resume_connection(req->conn->mhd);
        web_pump_kick(req->pump);
    }
}

void web_answer_error(struct web_request *req, unsigned status, const char *text)
{
    ag_buf_clear(&req->answer);
    if (ag_buf_append_str(&req->answer, "{\"error\":") < 0 || ag_buf_append_json_str(&req->answer, text, strlen(text)) < 0 ||
        ag_buf_append_char(&req->answer, '}') < 0)
        ag_buf_clear(&req->answer);
    req->fixed = NULL;
    req->disposition = NULL;
    req->type = "application/json";
    web_answer(req, status);
}

void web_request_key(const struct web_request *req, unsigned char key[WEB_LIMITER_KEY])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->conn->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *sa = info ? info->client_addr : NULL;

    memset(key, 0, WEB_LIMITER_KEY);
    if (sa && sa->sa_family == AF_INET) {
        memcpy(key, &((const struct sockaddr_in *) (const void *) sa)->sin_addr, 4);
    } else if (sa && sa->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *) (const void *) sa)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(a))
            memcpy(key, a->s6_addr + 12, 4);
        else
            memcpy(key, a->s6_addr, WEB_LIMITER_KEY);
    }
}
