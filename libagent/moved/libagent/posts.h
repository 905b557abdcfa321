#include "libagent/conn/posts.h"
