#include <base/id.h> // IWYU pragma: associated
