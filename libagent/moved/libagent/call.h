#include "libagent/api/call.h"
