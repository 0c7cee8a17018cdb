/* What both levels of targe.h share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TARGE_API __attribute__((visibility("default")))

/* What a callback returns: it has ended its request, or somebody completes it later. */
enum { TARGE_DONE = 0, TARGE_LATER = 1 };
