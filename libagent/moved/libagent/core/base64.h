#include "libagent/core/text/base64.h"
