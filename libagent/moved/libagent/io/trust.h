#include "libagent/io/access/trust.h"
