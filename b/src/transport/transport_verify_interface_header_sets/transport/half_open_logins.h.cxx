#include <transport/half_open_logins.h> // IWYU pragma: associated
