#include "libagent/text/number.h"
