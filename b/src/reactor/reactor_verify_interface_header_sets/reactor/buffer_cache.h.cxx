#include <reactor/buffer_cache.h> // IWYU pragma: associated
