#include "libagent/io/http/http.h"
