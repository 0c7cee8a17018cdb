#include <iscsi/held_requests.h> // IWYU pragma: associated
