#include <device/written_pages.h> // IWYU pragma: associated
