#include <device/transfer.h> // IWYU pragma: associated
