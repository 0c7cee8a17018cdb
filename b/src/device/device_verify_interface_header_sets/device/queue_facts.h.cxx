#include <device/queue_facts.h> // IWYU pragma: associated
