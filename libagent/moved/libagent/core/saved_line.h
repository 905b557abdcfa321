#include "libagent/core/text/saved_line.h"
