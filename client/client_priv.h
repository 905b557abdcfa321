/* SPDX-License-Identifier: MIT */
/* Between client.c, which starts and ends the parts, and client_hosts.c, which wires them: what each part asks of the others.
   user is the struct client. */
#ifndef CLIENT_PRIV_H
#define CLIENT_PRIV_H

#include "client/client.h"

extern const struct intake_host client_intake_host;
extern const struct serve_host client_serve_host;
extern const struct local_peers_host client_peers_host;
extern const struct phones_host client_phones_host;
extern const struct ble_port_host client_ble_host;
extern const struct reports_host client_reports_host;
extern const struct cloud_links_host client_clouds_host;
extern const struct setup_host client_setup_host;

/* Of struct device. */
void client_said(void *user, const char *word);
/* One of the parts counted in n_open has ended. */
void client_part_closed(void *user);
/* The clouds as routes name them; how many. */
unsigned client_name_clouds(const struct cloud_list *list, struct route_cloud out[CLOUDS_MAX]);

#endif
