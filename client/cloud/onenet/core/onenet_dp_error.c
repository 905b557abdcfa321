/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include "client/cloud/onenet/core/onenet_dp.h"

static const char *const error_names[] = {
    [ONENET_DP_E_DATE] = "date bytes out of range",
    [ONENET_DP_E_JSON] = "not JSON in UTF-8",
    [ONENET_DP_E_STREAM] = "bad stream name",
    [ONENET_DP_E_TIME] = "time is missing or not YYYY-MM-DD hh:mm:ss",
    [ONENET_DP_E_SEPARATORS] = "separators missing, equal or not ASCII",
    [ONENET_DP_E_FIELD] = "no field, or one of more than three parts",
    [ONENET_DP_E_NUMBER] = "stream number outside 1..65535",
    [ONENET_DP_E_FLOAT] = "not a finite number",
    [ONENET_DP_E_TOO_LARGE] = "too large",
    [ONENET_DP_E_TWICE] = "the same stream twice",
    [ONENET_DP_E_EMPTY] = "no data points",
};

const char *onenet_dp_strerror(int error)
{
    if (error > 0 && (size_t) error < ag_array_size(error_names) && error_names[error])
        return error_names[error];
    return error == -ENOMEM ? "out of memory" : "error";
}
