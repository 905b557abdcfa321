#include "libagent/io/access/access_file.h"
