#include <reactor/timer_queue.h> // IWYU pragma: associated
