#include <base/log.h> // IWYU pragma: associated
