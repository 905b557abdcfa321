#include "libagent/text/format.h"
