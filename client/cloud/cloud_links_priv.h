/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the links: cloud_links.c has all of them, cloud_link.c each one, cloud_calls.c the methods of
 * their own.
 */
#ifndef CLIENT_CLOUD_LINKS_PRIV_H
#define CLIENT_CLOUD_LINKS_PRIV_H

#include "client/cloud/cloud_links.h"

extern const struct cloud_events cloud_link_events; /* user is a link */

void cloud_link_begin(struct cloud_link *l);
void cloud_link_end(struct cloud_link *l, bool restart);
void cloud_link_go_online(struct cloud_link *l);
/* It no longer waits to start: it has started, or is not to. */
void cloud_link_wait_no_more(struct cloud_link *l);
/* Takes the settings that came with another list; called once the cloud is gone. */
void cloud_link_take_fresh(struct cloud_link *l);
/* Sends cloud.status when the word of one of several clouds has changed. */
void cloud_links_tell_words(struct cloud_links *c);
/* Their cloud is gone: nobody else will end them. */
void cloud_calls_end(struct cloud_link *l);

#endif
