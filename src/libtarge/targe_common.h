/* What both levels of targe.h share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TARGE_API __attribute__((visibility("default")))

/* What a callback returns: it has ended its request, or somebody completes it later. */
enum { TARGE_DONE = 0, TARGE_LATER = 1 };

/* What reservations of the unit are now. targed keeps and enforces them. */
struct targe_reservations {
    uint32_t kind;       /* TARGE_NOT_RESERVED … */
    uint32_t type;       /* persistent: TYPE, as in PERSISTENT RESERVE OUT: 1, 3, 5 to 8 */
    uint64_t session;    /* by RESERVE: whose it is, as targe_session.handle */
    const char* holder;  /* persistent: the name of the initiator port that holds it; "": all registrants */
    uint32_t generation; /* PRGENERATION */
    uint32_t registrants;
};
enum { TARGE_NOT_RESERVED = 0, TARGE_RESERVED = 1, TARGE_PERSISTENT = 2 };
