#include <reactor/inbox.h> // IWYU pragma: associated
