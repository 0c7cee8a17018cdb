#include <wire/crc32c.h> // IWYU pragma: associated
