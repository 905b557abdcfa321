#include "libagent/io/access/cred.h"
