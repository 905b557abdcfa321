#include "libagent/core/text/brief.h"
