/* SPDX-License-Identifier: MIT */
/*
 * Config files: inih with every oddity made an error, so that a file is either understood as written or refused with
 * one line that names the place. Refused besides what inih itself refuses: lines over 199 bytes (inih cuts them),
 * indented lines (inih joins them to the value before), section names over 49 bytes, text behind a section's ']',
 * empty names, NUL bytes.
 *
 * "; comment" and "# comment" lines are skipped; " ;" inside a line begins a comment. Lines may end with CR LF.
 */
#ifndef AG_INIFILE_H
#define AG_INIFILE_H

#include "libagent/core/util.h"

enum { AG_INI_FILE_MAX = 256 * 1024, AG_INI_LINE_MAX = 199, AG_INI_ERROR_MAX = 512 };

struct ag_ini_item {
    const char *section; /* "" before the first one */
    const char *name;
    const char *value; /* without the white space around it; may be "" */
    int line;          /* counted from 1 */
};

/*
 * Called for each NAME = VALUE. Anything but 0 ends the parse with an error; reason (n bytes, empty on entry) takes
 * the text for it, and becomes "unknown name 'NAME'" when it was left empty.
 */
typedef int (*ag_ini_fn)(void *user, const struct ag_ini_item *item, char *reason, size_t n);

/*
 * 0, -EINVAL (content) or another -errno (reading). On failure error holds "FILE:LINE: reason" or "FILE: reason";
 * items before the bad line have been delivered. error has room for AG_INI_ERROR_MAX bytes.
 */
int ag_ini_parse_file(const char *path, ag_ini_fn fn, void *user, char error[AG_INI_ERROR_MAX]);

/* The same for text in memory; label takes the place of the file's name. */
int ag_ini_parse_text(const char *label, struct ag_span text, ag_ini_fn fn, void *user, char error[AG_INI_ERROR_MAX]);

#endif
