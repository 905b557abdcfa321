#include "libagent/io/http/http_loop.h"
