/* SPDX-License-Identifier: MIT */
/* Token, did, country and wifi.conf are changed by the device's owner, and by nobody else. */
#ifndef WORLD_PAPERS_H
#define WORLD_PAPERS_H

void papers_begin(void);
/* The owner, or the router in his house, asks the device for something: what follows from it may change the files. */
void papers_owner_acts(void);

#endif
