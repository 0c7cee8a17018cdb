#include <device/open_store.h> // IWYU pragma: associated
