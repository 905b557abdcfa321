#include "client/device/io/heap.h"

#include <malloc.h>

enum { LARGE = 128 * 1024 };

void heap_settle(void)
{
#ifdef M_MMAP_THRESHOLD /* glibc; others give back at once */
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
#endif
}
